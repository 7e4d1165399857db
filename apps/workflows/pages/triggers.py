"""An app's triggers: addresses and schedules, what they began, and their switches."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.workflows import services
from apps.workflows.models import Application, Firing, Trigger
from apps.workflows.nodes.recurrence import zone_of
from apps.workflows.nodes.trigger_webhook import BINARY, FORM, JSON, MULTIPART, PLAIN
from apps.workflows.pages.access import member_page, rights
from apps.workflows.pages.app import app_context
from apps.workflows.selectors.triggers import last_firings, next_times, trigger_of, triggers_of
from providers.crypto import UnreadableSecret
from support.errors import ConsoleError, NotFound

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXAMPLES = {"number": 1.5, "integer": 1, "boolean": True, "object": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A trigger as the page shows it. Times are told on the clock of the schedule's place."""

    trigger: Trigger
    address: str
    curl: str
    words: str
    zone: str
    times: Sequence[dt.datetime]
    firings: Sequence[Firing]


@member_page()
def triggers(request: HttpRequest, application: Application) -> HttpResponse:
    """All triggers of the app, those of the published version first."""
    may_edit = rights(request, application)["may_edit"]
    shown = [_shown(request, trigger, may_edit=may_edit) for trigger in triggers_of(application)]
    response = render(
        request, "workflows/triggers.html", {**app_context(request, application, "triggers"), "triggers": shown}
    )
    response["Cache-Control"] = "no-store"  # it shows addresses
    return response


@require_POST
@member_page("edit")
def switch(request: HttpRequest, application: Application, trigger_id: UUID) -> HttpResponse:
    """Switch one on or off."""
    trigger = _found(request, application, trigger_id)
    if trigger is not None:
        is_on = request.POST.get("is_enabled") == "on"
        services.switch_trigger(trigger, is_enabled=is_on)
        text = _("%(name)s is switched on.") if is_on else _("%(name)s is switched off.")
        messages.success(request, text % {"name": trigger})
    return redirect("workflows:triggers", application.slug)


@require_POST
@member_page("edit")
def rotate(request: HttpRequest, application: Application, trigger_id: UUID) -> HttpResponse:
    """Give a webhook a new address."""
    trigger = _found(request, application, trigger_id)
    if trigger is not None and trigger.is_webhook:
        services.rotate_address(trigger)
        messages.success(request, _("%(name)s has a new address. The old one no longer works.") % {"name": trigger})
    return redirect("workflows:triggers", application.slug)


@require_POST
@member_page("run")
def run_now(request: HttpRequest, application: Application, trigger_id: UUID) -> HttpResponse:
    """Begin a run of a schedule at once."""
    trigger = _found(request, application, trigger_id)
    if trigger is None:
        return redirect("workflows:triggers", application.slug)
    try:
        firing = services.run_schedule_now(trigger)
    except ConsoleError as exc:
        messages.error(request, exc.message)
        return redirect("workflows:triggers", application.slug)
    messages.success(request, _("The run has begun. A worker executes it."))
    return redirect("workflows:run", application.slug, firing.run_id)


def _found(request: HttpRequest, application: Application, trigger_id: UUID) -> Trigger | None:
    try:
        return trigger_of(trigger_id, application=application)
    except NotFound as exc:
        messages.error(request, exc.message)
        return None


def _shown(request: HttpRequest, trigger: Trigger, *, may_edit: bool) -> Shown:
    zone = None if trigger.is_webhook else zone_of(trigger.config)
    address = _address(request, trigger) if may_edit and trigger.is_webhook else ""
    return Shown(
        trigger=trigger,
        address=address,
        curl=_curl(address, trigger.config) if address else "",
        words=_taken(trigger.config) if trigger.is_webhook else in_words(trigger.config),
        zone=zone.key if zone else "",
        times=[time.astimezone(zone) for time in next_times(trigger)],
        firings=last_firings(trigger),
    )


def _address(request: HttpRequest, trigger: Trigger) -> str:
    try:
        return request.build_absolute_uri(f"/hooks/{trigger.read_secret()}/")
    except UnreadableSecret:  # the encryption key is gone; a new address mends it
        return ""


def _taken(config: Mapping[str, Any]) -> str:
    return f"{config.get('method', 'POST')} {config.get('content_type', JSON)}"


def in_words(config: Mapping[str, Any]) -> str:
    """When a schedule is due, for people."""
    every = config.get("every")
    if every is None:
        return str(config.get("cron", ""))
    at = config.get("at", "00:00")
    if every == "hour":
        return _("Every hour, at minute %(minute)02d") % {"minute": config.get("minute", 0)}
    if every == "week":
        days = ", ".join(str(WEEKDAYS_ABBR[_DAYS.index(day)]) for day in config.get("weekdays") or ["mon"])
        return _("Every week on %(days)s at %(at)s") % {"days": days, "at": at}
    if every == "month":
        days = ", ".join(_("the last") if day == "last" else str(day) for day in config.get("days") or [1])
        return _("Every month on day %(days)s at %(at)s") % {"days": days, "at": at}
    return _("Every day at %(at)s") % {"at": at}


def _curl(address: str, config: Mapping[str, Any]) -> str:
    """A request that the webhook takes, once its examples are replaced."""
    method, kind = config.get("method", "POST"), config.get("content_type", JSON)
    query = "&".join(f"{one['name']}={_plain(one)}" for one in config.get("params") or ())
    parts = [f"curl -X {method} '{address}{'?' + query if query else ''}'"]
    parts += [f"-H '{one['name']}: {_plain(one)}'" for one in config.get("headers") or ()]
    body = config.get("body") or []
    if method in ("GET", "HEAD"):
        return " \\\n  ".join(parts)
    if kind == JSON:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps({o['name']: _example(o) for o in body})}'"]
    elif kind == FORM:
        parts += [f"--data-urlencode '{one['name']}={_plain(one)}'" for one in body] or [f"-H 'Content-Type: {FORM}'"]
    elif kind == MULTIPART:
        parts += [f"-F '{one['name']}={'@file' if 'file' in one.get('type', '') else _plain(one)}'" for one in body]
    else:
        parts += [f"-H 'Content-Type: {kind}'", "--data-binary @file" if kind == BINARY else "-d 'text'"]
        assert kind in (BINARY, PLAIN)
    return " \\\n  ".join(parts)


def _example(declared: Mapping[str, Any]) -> Any:
    kind = declared.get("type", "string")
    if kind.startswith("array["):
        return [_EXAMPLES.get(kind[6:-1], "text")]
    return _EXAMPLES.get(kind, "text")


def _plain(declared: Mapping[str, Any]) -> str:
    value = _example(declared)
    return value if isinstance(value, str) else json.dumps(value)
