"""The range of time that every list has: one of the presets up to now, or two moments somebody gave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from support.errors import InvalidInput

SINCE, FROM, TO = "since", "from", "to"
PRESETS: dict[str, dt.timedelta] = {
    "15m": dt.timedelta(minutes=15),
    "1h": dt.timedelta(hours=1),
    "6h": dt.timedelta(hours=6),
    "24h": dt.timedelta(days=1),
    "7d": dt.timedelta(days=7),
    "30d": dt.timedelta(days=30),
    "90d": dt.timedelta(days=90),
    "1y": dt.timedelta(days=366),
}
DEFAULT = "24h"
#: Nothing was recorded before this, and years have to stay within four digits.
_FIRST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_LAST = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From a moment on; until another one, or open. `preset` is empty for moments that somebody gave."""

    start: dt.datetime
    end: dt.datetime | None = None
    preset: str = ""

    @property
    def length(self) -> dt.timedelta:
        """How long it is by now."""
        return (self.end or timezone.now()) - self.start

    def narrower(self) -> list[str]:
        """The presets that are shorter, the longest first."""
        return [name for name, length in reversed(PRESETS.items()) if length < self.length * 0.99]


def range_of(parameters: Mapping[str, str]) -> TimeRange:
    """The range that an address asks for, the last 24 hours where it asks for none. Raises InvalidInput."""
    start, end = _moment(parameters, FROM), _moment(parameters, TO)
    preset = parameters.get(SINCE) or DEFAULT
    if start is None and end is None:
        if preset not in PRESETS:
            raise InvalidInput(
                _("since must be one of %(presets)s.") % {"presets": ", ".join(PRESETS)}, path=f"/{SINCE}"
            )
        return TimeRange(start=timezone.now() - PRESETS[preset], preset=preset)
    if start is None:
        assert end is not None
        start = end - PRESETS.get(preset, PRESETS[DEFAULT])
    if end is not None and end <= start:
        raise InvalidInput(_("The range of time ends before it begins."), path=f"/{TO}")
    return TimeRange(start=start, end=end)


def _moment(parameters: Mapping[str, str], name: str) -> dt.datetime | None:
    text = (parameters.get(name) or "").strip()
    if not text:
        return None
    try:
        # A plus sign in an address is a space.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
        if moment is None and (day := parse_date(text)) is not None:
            moment = dt.datetime.combine(day, dt.time())
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidInput(
            _("%(name)s must be a time such as 2026-11-22T09:30 or 2026-11-22T09:30:00Z.") % {"name": name},
            path=f"/{name}",
        )
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    if not _FIRST <= moment <= _LAST:
        raise InvalidInput(_("%(name)s must lie between the years 2000 and 9000.") % {"name": name}, path=f"/{name}")
    return moment
