"""Reading: the sandbox's condition, and what it refused."""
