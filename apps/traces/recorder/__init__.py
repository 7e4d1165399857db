"""Turns the events of a run into a trace and writes it, without the run noticing."""
