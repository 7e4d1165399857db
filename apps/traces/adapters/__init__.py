"""Traces on the wire, outwards."""
