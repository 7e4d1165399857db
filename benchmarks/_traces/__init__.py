"""Parts of the benchmark of traces."""
