"""How times of traces are written for people; `support.money` writes what they cost."""

from __future__ import annotations

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def duration(microseconds: int | None) -> str:
    """213 µs, 4.2 ms, 184 ms, 1.84 s, 2 min 5 s."""
    if microseconds is None:
        return "–"
    if microseconds < 1_000:
        return _("%(n)s µs") % {"n": microseconds}
    if microseconds < 1_000_000:
        milliseconds = microseconds / 1_000
        return _("%(n)s ms") % {"n": _rounded(milliseconds, 1 if milliseconds < 9.95 else 0)}
    seconds = microseconds / 1_000_000
    if seconds < 60:
        return _("%(n)s s") % {"n": _rounded(seconds, 2 if seconds < 9.995 else 1)}
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _("%(m)s min %(s)s s") % {"m": minutes, "s": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(h)s h %(m)s min") % {"h": hours, "m": minutes}


def day_format() -> str:
    """How a day within a year is written shortly: 9 Nov."""
    return pgettext("format of a day", "j M")


def _rounded(value: float, places: int) -> str:
    """Rounded first: Django's number format only cuts."""
    return formats.number_format(round(value, places), places)


def tick(microseconds: int) -> str:
    """A mark on the ruler: no more digits than it needs."""
    if microseconds == 0:
        return "0"
    for unit, words in ((60_000_000, _("%(n)s min")), (1_000_000, _("%(n)s s")), (1_000, _("%(n)s ms"))):
        if microseconds >= unit:
            return words % {"n": f"{microseconds / unit:g}"}
    return _("%(n)s µs") % {"n": microseconds}
