"""How times and numbers of traces are written for people."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats
from django.utils.translation import gettext as _


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


def money(amount: Decimal | str | None, currency: str = "USD", *, at_least: bool = False) -> str:
    """$0, $0.0042, $12.30, 0.31 EUR; "≥" before it where some calls had no price."""
    if amount is None:
        return "–"
    value = Decimal(amount)
    places = 0 if value == 0 else 2 if value >= 10 else max(2, min(6, 2 - value.adjusted()))
    number = formats.number_format(round(value, places), places)
    while places > 2 and number.endswith("0"):
        number, places = number[:-1], places - 1
    words = f"${number}" if currency in ("", "USD") else f"{number} {currency}"
    return f"≥ {words}" if at_least else words
