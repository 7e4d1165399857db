"""Judging answers. Pure: what leaves the process goes through the ports that the caller brings."""
