"""Filters of the lists: each is a chip that shows what is on, and a menu of the other choices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.traces.models import Span, Trace
from apps.traces.selectors.traces import as_uuid

Text = str | Promise
Choices = Sequence[tuple[str, Text]]
#: The address parameter of the page; a changed filter starts at the newest page again.
CURSOR = "at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter of the address, the values it may have, and what they do to the rows."""

    name: str
    label: Text
    choices: Choices | Callable[[HttpRequest], Choices]
    narrow: Callable[[QuerySet[Any], str], QuerySet[Any]]
    default: str = ""
    #: What the default is called in the menu; empty when it is one of the choices.
    everything: Text = ""

    def bind(self, request: HttpRequest) -> Chip:
        """The filter as this request has it."""
        choices = self.choices(request) if callable(self.choices) else self.choices
        asked = request.GET.get(self.name, self.default)
        known = dict(choices)
        value = asked if asked in known else self.default
        options = [
            Option(label=label, url=_address(request.GET, self.name, option), current=option == value)
            for option, label in ([("", self.everything)] if self.everything else []) + list(choices)
        ]
        return Chip(
            name=self.name,
            label=self.label,
            value=value,
            words=known.get(value, ""),
            options=options,
            clear_url=_address(request.GET, self.name, "") if value and not self.default else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A choice in a chip's menu."""

    label: Text
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter as one request has it."""

    name: str
    label: Text
    value: str
    words: Text
    options: Sequence[Option] = field(default_factory=list)
    clear_url: str = ""


def _address(parameters: QueryDict, name: str, value: str) -> str:
    changed = parameters.copy()
    changed.pop(CURSOR, None)
    changed.pop(name, None)
    if value:
        changed[name] = value
    return "?" + changed.urlencode()


def _equal(column: str) -> Callable[[QuerySet[Any], str], QuerySet[Any]]:
    return lambda rows, value: rows.filter(**{column: value})


_RANGES = {
    "1h": dt.timedelta(hours=1),
    "24h": dt.timedelta(days=1),
    "7d": dt.timedelta(days=7),
    "30d": dt.timedelta(days=30),
}


def _since(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    return rows.filter(started_at__gte=timezone.now() - _RANGES[value]) if value in _RANGES else rows


def _slower(column: str) -> Callable[[QuerySet[Any], str], QuerySet[Any]]:
    return lambda rows, value: rows.filter(**{f"{column}__gte": int(value) * 1000})


def started() -> Filter:
    """The time range: always on, so that no list ever reads the whole table by accident."""
    return Filter(
        name="since",
        label=_("Started"),
        default="7d",
        choices=(
            ("1h", _("Last hour")),
            ("24h", _("Last 24 hours")),
            ("7d", _("Last 7 days")),
            ("30d", _("Last 30 days")),
            ("all", _("Any time")),
        ),
        narrow=_since,
    )


def slower_than(column: str = "duration_us") -> Filter:
    """At least so long, in milliseconds."""
    return Filter(
        name="slower",
        label=_("Slower than"),
        everything=_("Any duration"),
        choices=(
            ("300", _("300 ms")),
            ("1000", _("1 s")),
            ("3000", _("3 s")),
            ("10000", _("10 s")),
            ("30000", _("30 s")),
        ),
        narrow=_slower(column),
    )


def trace_status() -> Filter:
    return Filter(
        name="status",
        label=_("Status"),
        everything=_("Any status"),
        choices=Trace.Status.choices,
        narrow=_equal("status"),
    )


def trace_source() -> Filter:
    return Filter(
        name="source",
        label=_("Source"),
        everything=_("Any source"),
        choices=Trace.Source.choices,
        narrow=_equal("source"),
    )


def app(apps_of: Callable[[HttpRequest], Iterable[Any]]) -> Filter:
    """One app, of those that have traces."""
    return Filter(
        name="app",
        label=_("App"),
        everything=_("Any app"),
        choices=lambda request: [(str(each.id), each.name) for each in apps_of(request)],
        narrow=lambda rows, value: rows.filter(application_id=as_uuid(value)),
    )


def span_status() -> Filter:
    return Filter(
        name="status",
        label=_("Status"),
        everything=_("Any status"),
        choices=[choice for choice in Span.Status.choices if choice[0] != Span.Status.SKIPPED],
        narrow=_equal("status"),
    )


def span_kind() -> Filter:
    return Filter(
        name="kind",
        label=_("Kind"),
        everything=_("Any kind"),
        choices=Span.Kind.choices,
        narrow=_equal("kind"),
    )
