"""What benchmarks/engine.py is made of."""
