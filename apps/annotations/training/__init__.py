"""Fine-tune sets as files: what an example is, the formats it is written in, and how each line is checked. Pure."""
