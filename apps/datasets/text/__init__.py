"""The pure text side of datasets: reads, cleans, splits, analyses and scores; no Django, no database."""
