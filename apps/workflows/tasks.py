"""Background jobs of workflows."""

from uuid import UUID

from celery import shared_task

from apps.workflows import services


@shared_task(name="workflows.go_on_with_runs", ignore_result=True)
def go_on_with_runs() -> int:
    """Go on with runs whose process died, and with those whose replies nobody has seen (every 15 seconds)."""
    return services.go_on_with_runs()


@shared_task(name="workflows.go_on_with_run", ignore_result=True)
def go_on_with_run(run_id: str) -> bool:
    """Go on with one run that somebody replied to."""
    return services.go_on_with_run(UUID(run_id))


@shared_task(name="workflows.give_up_waiting", ignore_result=True)
def give_up_waiting() -> int:
    """Let runs go on that waited too long for a person (every 15 seconds)."""
    return services.give_up_waiting()
