"""Tools about time: what time it is, and what a time is elsewhere."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.workflows.adapters.tools.tool import parameters
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.tool_port import ToolInfo, ToolResult

_ZONE = {"type": "string", "maxLength": 60, "description": "Time zone, such as Europe/Berlin. UTC if left out."}
_FORMAT = {"type": "string", "maxLength": 60, "description": "Format as strftime takes it, such as %Y-%m-%d %H:%M."}


class CurrentTime:
    """What time it is."""

    info = ToolInfo(
        name="builtin/time.now",
        label="Current time",
        description="Tells the present date and time, and which day of the week it is.",
        parameters=parameters({"timezone": _ZONE, "format": _FORMAT}),
    )

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """The time in the zone."""
        moment = dt.datetime.fromtimestamp(self._now(), zone_of(given.get("timezone") or "UTC"))
        return _told(moment, given.get("format"))


class ConvertTime:
    """The same moment in another time zone."""

    info = ToolInfo(
        name="builtin/time.convert",
        label="Convert time",
        description="Tells what a date and time is in another time zone.",
        parameters=parameters(
            {
                "time": {
                    "type": "string",
                    "maxLength": 60,
                    "description": "ISO 8601, such as 2026-03-01T09:00, or seconds since 1970.",
                },
                "from_timezone": {**_ZONE, "description": "Zone of a time that names none. UTC if left out."},
                "timezone": {**_ZONE, "description": "Zone to convert to. UTC if left out."},
                "format": _FORMAT,
            },
            required=("time",),
        ),
    )

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """The time in the other zone."""
        moment = _moment(given["time"].strip(), zone_of(given.get("from_timezone") or "UTC"))
        try:
            return _told(moment.astimezone(zone_of(given.get("timezone") or "UTC")), given.get("format"))
        except OverflowError as exc:
            raise NodeFailure("tool_parameters", f"{given['time']!r} is too far away.") from exc


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name. Raises NodeFailure."""
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise NodeFailure("tool_parameters", f"There is no time zone {name!r}.") from exc


def _moment(text: str, zone: ZoneInfo) -> dt.datetime:
    try:
        if text.lstrip("-").replace(".", "", 1).isdecimal() and len(text) > 4:
            return dt.datetime.fromtimestamp(float(text), dt.UTC)
        moment = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as exc:
        raise NodeFailure("tool_parameters", f"{text!r} is not a date and time.") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _told(moment: dt.datetime, wanted: str | None) -> ToolResult:
    told = {
        "iso": moment.isoformat(timespec="seconds"),
        "date": moment.date().isoformat(),
        "time": moment.strftime("%H:%M:%S"),
        "weekday": moment.strftime("%A"),
        "timezone": str(moment.tzinfo),
        "timestamp": int(moment.timestamp()),
    }
    return ToolResult(text=moment.strftime(wanted or "%Y-%m-%d %H:%M:%S %Z (%A)"), json=told)
