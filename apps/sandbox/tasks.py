"""Jobs of the sandbox app."""

from __future__ import annotations

from celery import shared_task

from apps.sandbox.services import forget_old_refusals


@shared_task(name="sandbox.forget_old_refusals", ignore_result=True)
def forget() -> int:
    """Once a day: what was refused some weeks ago interests nobody."""
    return forget_old_refusals()
