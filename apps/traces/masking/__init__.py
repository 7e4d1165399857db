"""Takes secrets and personal data out of what traces hold, before anything is written. Pure: no Django, no database."""
