"""Reading the questions that runs ask people."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from apps.workflows.models import Application, Run, Wait
from support.errors import ConsoleError, NotFound


class FormClosed(ConsoleError):
    """Somebody has filled the form in, or its run has ended."""

    code = "human_input_form_submitted"
    http_status = 412


class FormExpired(FormClosed):
    """Nobody filled the form in in time."""

    code = "human_input_form_expired"


def open_wait(token: str, *, application: Application | None = None) -> Wait:
    """The open question that a token leads to. Raises NotFound, FormClosed, FormExpired."""
    waits = Wait.objects.select_related("run", "run__application", "run__team")
    if application is not None:
        waits = waits.filter(run__application=application)
    wait = waits.filter(token=token).first() if "\0" not in token else None
    if wait is None:
        raise NotFound("There is no such form.")
    if wait.answered_at is not None and wait.reply == {"action": "timeout"}:
        raise FormExpired("The time for this form is over.")
    if wait.answered_at is not None or wait.run.is_finished:
        raise FormClosed("This form has been filled in already, or its run has ended.")
    if wait.until is not None and wait.until < timezone.now():
        raise FormExpired("The time for this form is over.")
    return wait


def wait_of(token: str) -> Wait | None:
    """The question that a token leads to, open or not."""
    waits = Wait.objects.select_related("run", "run__application", "run__team")
    return waits.filter(token=token).first() if "\0" not in token else None


def open_waits_of(run: Run) -> QuerySet[Wait]:
    """What a run waits for now."""
    return Wait.objects.filter(run=run, answered_at=None).order_by("id")
