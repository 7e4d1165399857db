"""Clients of model providers: pure Python, no Django, no database, one network door."""
