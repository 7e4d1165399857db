"""When a schedule is due: every form of one is a cron expression, told in the local time of a place.

When clocks change, schedules are kept as Debian's cron keeps them: one at a fixed time that falls into the hour that
is left out is due at once after it, and one in the hour that comes twice is due once; hourly ones follow real time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from apps.workflows.engine.node import Config

_FIELDS = 5
#: More missed times than this are not counted one by one.
MOST_COUNTED = 10_000


class BadSchedule(ValueError):
    """A schedule that is never due, or a place that nobody knows; `key` is the part of the configuration."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def cron_of(config: Config) -> str:
    """The schedule as a cron expression of five fields."""
    if "cron" in config:
        return str(config["cron"]).strip()
    every = config["every"]
    if every == "hour":
        return f"{config.get('minute', 0)} * * * *"
    hour, _, minute = str(config.get("at", "00:00")).partition(":")
    time = f"{int(minute)} {int(hour)}"
    if every == "week":
        return f"{time} * * {','.join(config.get('weekdays') or ['mon'])}"
    if every == "month":
        days = ("L" if day == "last" else str(day) for day in config.get("days") or [1])
        return f"{time} {','.join(days)} * *"
    return f"{time} * * *"


def zone_of(config: Config) -> ZoneInfo:
    """The place whose clock counts. Raises BadSchedule."""
    name = str(config.get("timezone") or "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule("timezone", f"There is no time zone {name[:80]!r}.") from None


def due_after(config: Config, moment: dt.datetime, *, backwards: bool = False) -> Iterator[dt.datetime]:
    """The times at which a schedule is due after a moment (or before it), in UTC. Raises BadSchedule."""
    expression, zone = cron_of(config), zone_of(config)
    key = "cron" if "cron" in config else "every"
    if len(expression.split()) != _FIELDS:
        raise BadSchedule(key, "A cron expression has five fields: minute, hour, day, month, weekday.")
    try:
        times = CronSim(expression.lower(), moment.astimezone(zone), reverse=backwards)
    except CronSimError as exc:
        raise BadSchedule(key, f"This is no cron expression: {exc}.") from None
    return (time.astimezone(dt.UTC) for time in times)


def next_due(config: Config, moment: dt.datetime) -> dt.datetime | None:
    """The first time after a moment; None for a schedule that is never due again. Raises BadSchedule."""
    return next(due_after(config, moment), None)


def missed_between(config: Config, first: dt.datetime, now: dt.datetime) -> tuple[dt.datetime, int]:
    """The latest due time up to now, from a first one on, and how many came before it. Raises BadSchedule."""
    latest, missed = first, 0
    for time in islice(due_after(config, first), MOST_COUNTED):
        if time > now:
            return latest, missed
        latest, missed = time, missed + 1
    return next(due_after(config, now + dt.timedelta(seconds=1), backwards=True), latest), missed
