"""Reading datasets. Everything is reached through a team."""
