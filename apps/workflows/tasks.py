"""Background jobs of workflows."""

from uuid import UUID

from celery import shared_task

from apps.workflows import services

#: A run ends by itself after a day (see `execute_run`); until then no task that executes one is cut off.
_LIMITS = {"soft_time_limit": 25 * 3600, "time_limit": 26 * 3600}


@shared_task(name="workflows.go_on_with_runs", ignore_result=True, **_LIMITS)
def go_on_with_runs() -> int:
    """Go on with runs whose process died, and with those whose replies nobody has seen (every 15 seconds)."""
    return services.go_on_with_runs()


@shared_task(name="workflows.go_on_with_run", ignore_result=True, **_LIMITS)
def go_on_with_run(run_id: str) -> bool:
    """Execute one run that waits for a worker, or that somebody replied to."""
    return services.go_on_with_run(UUID(run_id))


@shared_task(name="workflows.give_up_waiting", ignore_result=True)
def give_up_waiting() -> int:
    """Let runs go on that waited too long for a person (every 15 seconds)."""
    return services.give_up_waiting()


@shared_task(name="workflows.deliver_questions", ignore_result=True)
def deliver_questions() -> int:
    """Send the letters of questions that have not been sent yet (also every minute, for those that failed)."""
    return services.deliver_questions()


@shared_task(name="workflows.forget_files", ignore_result=True)
def forget_files() -> int:
    """Remove from disk what no file is made of any more (every day)."""
    return services.forget_files()


@shared_task(name="workflows.forget_blobs", ignore_result=True)
def forget_blobs() -> int:
    """Remove the large values that no run's log names any more (every hour)."""
    return services.forget_blobs()


@shared_task(name="workflows.fire_due_triggers", ignore_result=True)
def fire_due_triggers() -> int:
    """Begin the runs of schedules that are due (every 10 seconds)."""
    return services.fire_due_triggers()
