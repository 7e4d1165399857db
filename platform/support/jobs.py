"""Background jobs are enqueued by name and only once the data they need is committed."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.db import transaction


def enqueue_on_commit(task_name: str, *args: Any, countdown: float = 0) -> None:
    """Send a Celery task after the current transaction commits (at once when there is none).

    Arguments are ids only: the task reads the rest from the database, so a repeat is harmless.
    """
    transaction.on_commit(lambda: enqueue(task_name, *args, countdown=countdown))


def enqueue(task_name: str, *args: Any, countdown: float = 0) -> None:
    """Send a Celery task now."""
    current_app.send_task(task_name, args=args, countdown=countdown)
