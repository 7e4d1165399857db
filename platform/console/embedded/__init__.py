"""What `manage.py up` runs on one machine: PostgreSQL, Redis and our own processes under one supervisor."""
