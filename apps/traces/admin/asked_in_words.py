"""What a job over a whole list was asked for, as its page says it: labels and choices instead of names and values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.traces.admin import filters

_KNOWN = {each.name: each for each in vars(filters).values() if isinstance(each, filters.Filter)}
_STATUSES = {**dict(filters.SPAN_STATUS.choices), **dict(filters.TRACE_STATUS.choices)}


def filters_in_words(question: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of each filter, and what was searched for."""
    told = [_told(name, value) for name, value in question["filters"].items()]
    return [*told, (_("Search"), question["q"])] if question.get("q") else told


def range_of(question: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime]:
    """From when to when."""
    return dt.datetime.fromisoformat(question["from"]), dt.datetime.fromisoformat(question["to"])


def _told(name: str, value: str) -> tuple[str, str]:
    known = _KNOWN.get(name)
    if known is None:
        return name, value
    choices = _STATUSES if name == filters.TRACE_STATUS.name else dict(known.choices)
    return str(known.label), str(choices.get(value) or known.written(value))
