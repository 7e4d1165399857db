"""What the dashboard is asked for, and the addresses that its parts lead to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from apps.traces.models import Trace
from apps.traces.selectors.conditions import TRAFFIC
from apps.traces.selectors.rollups import Where
from apps.traces.selectors.time_range import DEFAULT, FROM, PRESETS, SINCE, TO, TimeRange, range_of
from support.errors import InvalidInput

#: The ranges on the page; the lists know more.
SHOWN = ("24h", "7d", "30d", "90d")
FILTERS = ("app", "model", "user")
COMPARE = "compare"
#: Runs of experiments are no traffic: nothing leaves them out, `with` counts them too, `only` counts nothing else.
EXPERIMENTS, WITH, ONLY = "experiments", "with", "only"
_MOST_TEXT = 200
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
#: Longer ranges are drawn by day, and begin with one.
LONGEST_BY_HOUR = dt.timedelta(days=3)
_LONGEST = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A range of whole hours, filters, and whether the period before is drawn too."""

    during: TimeRange
    since: dt.datetime
    until: dt.datetime
    filters: Mapping[str, str] = field(default_factory=dict)
    compare: bool = False
    experiments: str = ""
    #: What of the address could not be read, in words.
    fault: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it reaches up to now."""
        return self.during.end is None

    @property
    def step(self) -> dt.timedelta:
        """How long a bar of a chart is."""
        return HOUR if self.until - self.since <= LONGEST_BY_HOUR else DAY

    def where(self, team_ids: tuple[UUID, ...] | None) -> Where:
        """The same for the selectors of roll-ups."""
        return Where(
            team_ids=team_ids,
            since=self.since,
            until=self.until,
            app=self.filters.get("app", ""),
            model=self.filters.get("model", ""),
            user=self.filters.get("user", ""),
            source=Trace.Source.EXPERIMENT if self.experiments == ONLY else "",
            without=() if self.experiments else Trace.NO_TRAFFIC,
        )

    def before(self) -> Asked:
        """The period before: as long, and as far into its last day as this one is."""
        length = self.step * -(-(self.until - self.since) // self.step)
        during = TimeRange(start=self.since - length, end=self.until - length)
        return replace(self, during=during, since=during.start, until=self.until - length, compare=False, fault="")

    def here(self, **changes: str | None) -> str:
        """The dashboard's own address with some parameters changed; None or nothing takes one away."""
        kept = {**self._range(), **self.filters, COMPARE: "1" if self.compare else "", EXPERIMENTS: self.experiments}
        if {SINCE, FROM, TO} & changes.keys():
            for name in (SINCE, FROM, TO):
                kept.pop(name, None)
        # A user's runs and a model's calls are counted apart.
        kept.update({"user": ""} if changes.get("model") else {"model": ""} if changes.get("user") else {})
        wanted = {name: value for name, value in {**kept, **changes}.items() if value}
        return "?" + urlencode(wanted)

    def without(self, *names: str) -> Asked:
        """The same range with fewer filters."""
        return replace(self, filters={name: value for name, value in self.filters.items() if name not in names})

    def runs(self, **more: str) -> str:
        """The list of traces with the same range and filters, and more."""
        wanted = {FROM: _spelled(self.since), **({} if self.is_open else {TO: _spelled(self.until)})}
        wanted |= {"": {"source": TRAFFIC}, WITH: {}, ONLY: {"source": Trace.Source.EXPERIMENT.value}}[self.experiments]
        return f"{reverse('admin:traces_trace_changelist')}?{urlencode({**wanted, **self.filters, **more})}"

    def _range(self) -> dict[str, str]:
        if self.during.preset:
            return {SINCE: self.during.preset}
        return {FROM: _spelled(self.since), **({} if self.is_open else {TO: _spelled(self.until)})}


def asked_by(parameters: Mapping[str, str], *, now: dt.datetime | None = None) -> Asked:
    """What an address asks for. What cannot be read gives way to the usual, with a word about it."""
    moment = now or timezone.now()
    fault = ""
    try:
        during = range_of(parameters)
    except InvalidInput as exc:
        fault, during = exc.message, TimeRange(start=moment - PRESETS[DEFAULT], preset=DEFAULT)
    until = _ceiling(min(during.end or moment, moment))
    start = moment - PRESETS[during.preset] if during.preset else during.start
    since = max(_floor(start), until - _LONGEST)
    if until - since > LONGEST_BY_HOUR:
        since = since.replace(hour=0)
    if since >= until:
        since = until - HOUR
    filters = {name: parameters[name][:_MOST_TEXT] for name in FILTERS if parameters.get(name, "").strip("\x00 ")}
    if "model" in filters:
        filters.pop("user", None)
    return Asked(
        during=during,
        since=since,
        until=until,
        filters={name: value.replace("\x00", "") for name, value in filters.items()},
        compare=parameters.get(COMPARE) == "1",
        experiments=experiments if (experiments := parameters.get(EXPERIMENTS, "")) in (WITH, ONLY) else "",
        fault=fault,
    )


def _spelled(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


def _floor(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def _ceiling(moment: dt.datetime) -> dt.datetime:
    floor = _floor(moment)
    return floor if floor == moment else floor + HOUR
