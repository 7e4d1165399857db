"""Writes of datasets, indexing, and retrieval."""
