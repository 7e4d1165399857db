"""Reading triggers: by the token of an address, of an app, and what comes next."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from uuid import UUID

from django.db.models import QuerySet

from apps.workflows.models import Application, Firing, Trigger
from apps.workflows.models.trigger import token_hash
from apps.workflows.nodes.recurrence import due_after
from support.errors import NotFound


def webhook_of_token(token: str) -> Trigger:
    """A caller's door: the webhook with this address, while it is on. Raises NotFound, always in the same words."""
    found = (
        Trigger.objects.filter(token_hash=token_hash(token), kind=Trigger.Kind.WEBHOOK)
        .select_related("application", "application__live")
        .first()
    )
    if found is None or not found.is_on or found.application.live is None:
        raise NotFound("There is nothing here.")
    return found


def triggers_of(application: Application) -> QuerySet[Trigger]:
    """All that the app has or had, those of the published version first."""
    return application.triggers.order_by("-is_published", "kind", "node_id")


def trigger_of(trigger_id: UUID, *, application: Application) -> Trigger:
    """One of the app's triggers. Raises NotFound."""
    found = application.triggers.filter(id=trigger_id).first()
    if found is None:
        raise NotFound("There is no such trigger.")
    return found


def next_times(trigger: Trigger, *, count: int = 5) -> list[dt.datetime]:
    """When a schedule that is on is due next."""
    if trigger.next_at is None or not trigger.is_on:
        return []
    return [trigger.next_at, *islice(due_after(trigger.config, trigger.next_at), count - 1)]


def last_firings(trigger: Trigger, *, count: int = 5) -> list[Firing]:
    """The newest firings with their runs."""
    return list(trigger.firings.select_related("run").defer("run__inputs", "run__outputs", "run__variables")[:count])


def firing_with_key(trigger: Trigger, key: str) -> Firing | None:
    """The firing that this key began, if any."""
    return trigger.firings.select_related("run").filter(idempotency_key=key).first() if key else None
