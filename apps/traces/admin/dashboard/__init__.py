"""The dashboard: what runs did in a range of time, what needs a look, and the way to the runs behind each number."""
