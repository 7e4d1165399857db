"""The optional embedding model that runs on this machine: built by `make local-embeddings`, off by default."""
