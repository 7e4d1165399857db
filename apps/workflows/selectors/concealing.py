"""Covers up an app's secrets in what people see of its runs: traces, the pages of runs, streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from apps.workflows.engine.events import ErrorInfo, Event
from apps.workflows.engine.journal import Numbered
from apps.workflows.models import Run, Version
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.selectors.environment import secret_texts

#: What of an event is only there for people to look at: nobody computes with it.
FOR_EYES: Final = ("inputs", "process", "body", "error")
#: All that may hold what a node was given or made.
VALUES: Final = (*FOR_EYES, "outputs", "output", "values", "writes", "reply", "asks")
#: The same with the words themselves, for records.
WORDS: Final = (*VALUES, "text", "query")


def concealed(event: Event, secrets: Secrets, fields: Iterable[str] = VALUES) -> Event:
    """The event with every secret in these of its fields covered up; the same event where there is none."""
    if not secrets:
        return event
    changed: dict[str, Any] = {}
    for name in fields:
        value = getattr(event, name, None)
        hidden = _hidden(value, secrets) if value else value
        if hidden != value:
            changed[name] = hidden
    return replace(event, **changed) if changed else event


def _hidden(value: Any, secrets: Secrets) -> Any:
    if isinstance(value, ErrorInfo):
        return replace(value, message=secrets.hide(value.message), details=secrets.hide_in(value.details))
    return secrets.hide_in(value)


def secrets_of_run(run_id: UUID) -> Secrets:
    """The secrets of a run's app, and of the apps that it calls: those of now and all that were replaced."""
    run = Run.objects.filter(id=run_id).values_list("application_id", "called").first()
    if run is None:
        return Secrets(())
    application_id, called = run
    others = Version.objects.filter(id__in=called.values()).values_list("application_id", flat=True) if called else ()
    return Secrets(text for each in {application_id, *others} for text in secret_texts(each))


def concealed_log(run_id: UUID, events: Iterable[Numbered], fields: Iterable[str] = VALUES) -> Iterator[Numbered]:
    """A run's events as people may see them."""
    secrets = secrets_of_run(run_id)
    return ((seq, concealed(event, secrets, fields)) for seq, event in events)
