"""Parts of the benchmark of annotations."""
