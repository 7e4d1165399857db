"""Pages of traces for product teams."""
