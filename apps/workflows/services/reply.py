"""Replies of people to runs that wait, and what happens when nobody replies in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.workflows.engine.journal import storable
from apps.workflows.models import Run, Wait
from apps.workflows.services.files import named_files
from support.errors import ConsoleError, InvalidInput
from support.jobs import enqueue_on_commit

#: What stands for the action when nobody replied in time.
TIMEOUT = "timeout"
AT_ONCE = 200
MOST_CHARS = 100_000
FILES = ("file", "files")


class AlreadyAnswered(ConsoleError):
    """Somebody was quicker, or time ran out."""

    code = "already_answered"
    http_status = 409


def checked_reply(wait: Wait, *, action: object, values: Mapping[str, Any], with_files: bool = True) -> dict[str, Any]:
    """A reply as the node takes it: a known action and fitting fields. Raises InvalidInput.

    Who has not taken its files in yet asks first for all the rest, without them.
    """
    actions = [item["id"] for item in wait.asks.get("actions", [])]
    if action not in actions:
        raise InvalidInput(f"action must be one of: {', '.join(actions)}.", path="/action")
    reply: dict[str, Any] = {"action": action}
    defaults = wait.asks.get("defaults", {})
    for field in wait.asks.get("fields", []):
        name = field["name"]
        if field["type"] in FILES and not with_files:
            continue
        value = values.get(name, defaults.get(name))
        if field.get("required") and value in (None, "", []):
            raise InvalidInput(f"{name} is required.", path=f"/inputs/{name}")
        if value is not None:
            reply[name] = _fitting(wait, field, value)
    return reply


def _fitting(wait: Wait, field: Mapping[str, Any], value: Any) -> Any:
    name, kind = field["name"], field["type"]
    if kind in FILES and value not in ("", []):
        return _files(wait, field, value)
    if kind == "boolean":
        if isinstance(value, bool) or value in ("true", "false"):
            return value in (True, "true")
        raise InvalidInput(f"{name} must be true or false.", path=f"/inputs/{name}")
    if kind == "number":
        try:
            number = value if isinstance(value, (int, float)) else float(value)
            is_finite = math.isfinite(number) and not isinstance(value, bool)
        except (TypeError, ValueError, OverflowError):
            is_finite = False
        if not is_finite:
            raise InvalidInput(f"{name} must be a number.", path=f"/inputs/{name}")
        return number
    if kind == "select" and value not in ("", *field.get("options", [])):
        raise InvalidInput(f"{name} must be one of its options.", path=f"/inputs/{name}")
    if kind in ("text", "paragraph") and (not isinstance(value, str) or len(value) > MOST_CHARS):
        raise InvalidInput(f"{name} must be a text of at most {MOST_CHARS:,} characters.", path=f"/inputs/{name}")
    return value


def _files(wait: Wait, field: Mapping[str, Any], value: Any) -> Any:
    """Files that the run's own end user has uploaded, or that lie elsewhere: nobody else's get into the run."""
    run = wait.run
    given = value if field["type"] == "files" else [value]
    path = f"/inputs/{field['name']}"
    files = named_files(given, path=path, application=run.application, source=run.source, end_user=run.end_user)
    return files if field["type"] == "files" else files[0]


def still_open(wait: Wait) -> Wait:
    """The question, kept from everybody else until the transaction ends. Raises AlreadyAnswered."""
    locked = Wait.objects.select_for_update().select_related("run").get(id=wait.id)
    if locked.answered_at is not None or locked.run.is_finished:
        raise AlreadyAnswered("This has been answered already, or the run has ended.")
    return locked


@transaction.atomic
def reply_to(wait: Wait, reply: Mapping[str, Any], *, by: str) -> None:
    """Keep a reply; the run goes on with it. The first one counts. Raises AlreadyAnswered."""
    locked = still_open(wait)
    locked.reply, locked.answered_at, locked.answered_by = storable(dict(reply)), timezone.now(), by[:200]
    locked.save(update_fields=["reply", "answered_at", "answered_by"])
    if locked.run.status == Run.Status.PAUSED:
        enqueue_on_commit("workflows.go_on_with_run", str(locked.run_id))


def give_up_waiting(*, limit: int = AT_ONCE) -> int:
    """Answer for everybody who did not in time; how many there were."""
    late = Wait.objects.filter(answered_at=None, until__lt=timezone.now()).select_related("run")[:limit]
    count = 0
    for wait in late:
        try:
            reply_to(wait, {"action": TIMEOUT}, by="")
            count += 1
        except AlreadyAnswered:
            Wait.objects.filter(id=wait.id, answered_at=None).update(until=None)  # its run has ended
    return count
