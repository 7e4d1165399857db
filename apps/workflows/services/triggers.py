"""Writes of triggers: keeping them in step with what is published, addresses, switching, and firing one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from apps.workflows.dsl.trigger_rules import TRIGGERS
from apps.workflows.models import Application, Firing, Trigger, Version
from apps.workflows.models.trigger import new_token
from apps.workflows.nodes.recurrence import next_due, zone_of
from apps.workflows.services.background import hand_to_worker
from apps.workflows.services.start_run import Accepted, accept_trigger
from support.errors import Conflict, ConsoleError

MOST_ERROR_CHARS = 500


class IdempotencyConflict(Conflict):
    """A key that stands for another request."""

    code = "idempotency_conflict"


@transaction.atomic
def keep_triggers_in_step(application: Application, version: Version, *, now: dt.datetime | None = None) -> None:
    """Let the app have the triggers of the version that is published: addresses stay, changed schedules begin anew."""
    now = now or timezone.now()
    nodes = {node["id"]: node for node in version.document["nodes"] if node["type"] in TRIGGERS}
    known = {trigger.node_id: trigger for trigger in application.triggers.select_for_update()}
    for gone in known.keys() - nodes.keys():
        known[gone].is_published, known[gone].next_at = False, None
        known[gone].save(update_fields=["is_published", "next_at", "updated_at"])
    for node_id, node in nodes.items():
        trigger = known.get(node_id) or Trigger(
            team_id=application.team_id, application=application, node_id=node_id, is_published=False
        )
        _update(trigger, node, now)


def _update(trigger: Trigger, node: Mapping[str, Any], now: dt.datetime) -> None:
    config, kind = node.get("config") or {}, node["type"]
    is_same = trigger.is_published and (trigger.kind, trigger.config) == (kind, config)
    trigger.kind, trigger.config, trigger.title = kind, config, node.get("title") or ""
    trigger.is_published = True
    if trigger.is_webhook:
        trigger.next_at = None
        if not trigger.token_hash:
            trigger.set_token(new_token())
    elif not is_same:
        trigger.next_at = next_due(config, now) if trigger.is_enabled else None
    trigger.save()


def rotate_address(trigger: Trigger) -> None:
    """Give a webhook a new address; the old one is nothing any more."""
    trigger.set_token(new_token())
    trigger.save(update_fields=["token_hash", "encrypted_secret", "secret_set_at", "updated_at"])


def switch_trigger(trigger: Trigger, *, is_enabled: bool, now: dt.datetime | None = None) -> None:
    """Switch it on or off. What a schedule missed while it was off is not made up for."""
    trigger.is_enabled = is_enabled
    trigger.next_at = None
    if is_enabled and trigger.is_published and not trigger.is_webhook:
        trigger.next_at = next_due(trigger.config, now or timezone.now())
    trigger.save(update_fields=["is_enabled", "next_at", "updated_at"])


def run_schedule_now(trigger: Trigger, *, now: dt.datetime | None = None) -> Firing:
    """Begin a run beside the schedule. Raises Conflict for what is no published schedule, ConsoleError."""
    if not trigger.is_published or trigger.is_webhook:
        raise Conflict("Only a schedule of the published version can be run now.")
    now = now or timezone.now()
    firing, accepted = fire(trigger, given=schedule_facts(trigger, due_at=now, missed=0), for_worker=True, now=now)
    hand_to_worker(accepted)
    return firing


def schedule_facts(trigger: Trigger, *, due_at: dt.datetime, missed: int) -> dict[str, Any]:
    """What a run is told of the time it was due, on the clock of the schedule's place."""
    zone = zone_of(trigger.config)
    return {"due_at": due_at.astimezone(zone).isoformat(timespec="seconds"), "timezone": zone.key, "missed": missed}


@transaction.atomic
def fire(
    trigger: Trigger,
    *,
    given: dict[str, Any],
    for_worker: bool,
    now: dt.datetime,
    due_at: dt.datetime | None = None,
    missed: int = 0,
    key: str = "",
    digest: str = "",
) -> tuple[Firing, Accepted]:
    """Begin a run of the published version at the trigger's node; both are committed together.

    Raises IntegrityError for a due time or a key that has had its run, and what accepting a run may raise.
    """
    application = trigger.application
    version = application.live
    if version is None:
        raise Conflict("The app has no published version.")
    firing = Firing(
        team_id=trigger.team_id, trigger=trigger, due_at=due_at, missed=missed, idempotency_key=key, digest=digest
    )
    firing.save(force_insert=True)  # first: whoever comes second with the same key waits here, and has no run
    accepted = accept_trigger(
        application=application,
        version=version,
        entry=trigger.node_id,
        given=given,
        end_user=trigger.node_id,
        for_worker=for_worker,
    )
    firing.run = accepted.run
    firing.save(update_fields=["run"])
    _count(trigger, now, missed=missed)
    return firing, accepted


def fire_webhook(
    trigger: Trigger, *, given: dict[str, Any], for_worker: bool, key: str, digest: str, now: dt.datetime
) -> Accepted | None:
    """Begin a webhook's run; None when the key has had its run. Raises what accepting a run may raise."""
    try:
        _firing, accepted = fire(trigger, given=given, for_worker=for_worker, key=key, digest=digest, now=now)
    except IntegrityError:
        if not key:
            raise
        return None
    return accepted


def _count(trigger: Trigger, now: dt.datetime, *, missed: int) -> None:
    Trigger.objects.filter(id=trigger.id).update(
        last_at=now, last_error="", fired=F("fired") + 1, missed=F("missed") + missed
    )


def note_refusal(trigger: Trigger, exc: ConsoleError) -> None:
    """Count a request that was refused, and keep why for the team."""
    Trigger.objects.filter(id=trigger.id).update(
        refused=F("refused") + 1, last_error=exc.message.replace("\x00", "")[:MOST_ERROR_CHARS]
    )
