"""Background jobs of workflows."""

from celery import shared_task

from apps.workflows import services


@shared_task(name="workflows.reap_lost_runs", ignore_result=True)
def reap_lost_runs() -> int:
    """Close runs whose process died (every 30 seconds)."""
    return services.reap_lost_runs()
