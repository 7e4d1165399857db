"""Answering by quoting: what the demo model does instead of thinking. Pure functions over text."""
