"""Custom pages of the annotations admin."""
