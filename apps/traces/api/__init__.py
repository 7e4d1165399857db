"""The management API of traces: read only, for the console's people and for keys that may read traces."""
