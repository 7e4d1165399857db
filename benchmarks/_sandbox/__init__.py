"""What benchmarks/sandbox.py is made of: sidecars to measure, a client that costs little, a module per figure."""
