"""The filters that lists, exports and the API understand: what each may be asked for, and which rows it leaves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from apps.traces.models import Span, Trace
from apps.traces.models.saved_view import Listed
from apps.traces.selectors.traces import as_uuid

Narrow = Callable[[QuerySet[Any], str], QuerySet[Any]]
#: Every status but the good one: what an operator looks for first.
TROUBLED = "troubled"
#: Every source but experiments: what dashboards count.
TRAFFIC = "traffic"
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A filter by its name in addresses: the values it takes and what they do to the rows."""

    accepts: Callable[[str], bool]
    narrow: Narrow


def _text(column: str) -> Condition:
    return Condition(
        accepts=lambda value: 0 < len(value) <= _LONGEST and "\x00" not in value,
        narrow=lambda rows, value: rows.filter(**{column: value}),
    )


def _element(column: str) -> Condition:
    """A text that the column's list holds."""
    return Condition(
        accepts=lambda value: 0 < len(value) <= _LONGEST and "\x00" not in value,
        narrow=lambda rows, value: rows.filter(**{f"{column}__contains": [value]}),
    )


def _choice(column: str, values: Collection[str]) -> Condition:
    known = frozenset(values)
    return Condition(accepts=known.__contains__, narrow=lambda rows, value: rows.filter(**{column: value}))


def _status(good: str, values: Collection[str]) -> Condition:
    known = frozenset({*values, TROUBLED})
    return Condition(
        accepts=known.__contains__,
        narrow=lambda rows, value: rows.filter(~Q(status=good)) if value == TROUBLED else rows.filter(status=value),
    )


def _source(values: Collection[str]) -> Condition:
    known = frozenset({*values, TRAFFIC})
    return Condition(
        accepts=known.__contains__,
        narrow=lambda rows, value: (
            rows.exclude(source__in=Trace.NO_TRAFFIC) if value == TRAFFIC else rows.filter(source=value)
        ),
    )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 12


def _at_least(column: str, *, factor: int = 1) -> Condition:
    return Condition(
        accepts=_is_number, narrow=lambda rows, value: rows.filter(**{f"{column}__gte": int(value) * factor})
    )


def _is_amount(value: str) -> bool:
    whole, _, part = value.partition(".")
    return _is_number(whole) and (not part or _is_number(part)) and not value.endswith(".")


def _cost(column: str) -> Condition:
    return Condition(accepts=_is_amount, narrow=lambda rows, value: rows.filter(**{f"{column}__gte": Decimal(value)}))


def _id(column: str) -> Condition:
    return Condition(
        accepts=lambda value: as_uuid(value) is not None,
        narrow=lambda rows, value: rows.filter(**{column: as_uuid(value)}),
    )


def _app(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    """An app of ours by its id, a service elsewhere by its name."""
    wanted = as_uuid(value)
    if wanted is not None:
        return rows.filter(application_id=wanted)
    return rows.filter(application_id__isnull=True, application_name=value)


_APP = Condition(accepts=_text("").accepts, narrow=_app)
_OWN_APP = _id("application_id")

_COPIED = {
    "app": _APP,
    "user": _text("end_user"),
    "session": _text("session"),
    "environment": _text("environment"),
    "release": _text("release"),
    "tag": _element("tags"),
    "conversation": _id("conversation_id"),
}

CONDITIONS: dict[str, dict[str, Condition]] = {
    Listed.TRACES: {
        "status": _status(Trace.Status.SUCCEEDED, Trace.Status.values),
        "source": _source(Trace.Source.values),
        "model": _element("models_used"),
        "name": _text("name"),
        "error": _text("error_code"),
        "slower": _at_least("duration_us", factor=1000),
        "waited": _at_least("first_text_us", factor=1000),
        "cost": _cost("cost"),
        "tokens": _at_least("total_tokens"),
        "errors": _at_least("error_count"),
        "version": Condition(
            accepts=lambda value: _is_number(value) and int(value) < 1 << 31,
            narrow=lambda rows, value: rows.filter(version_number=int(value)),
        ),
        **_COPIED,
    },
    Listed.SPANS: {
        "status": _status(Span.Status.OK, Span.Status.values),
        "kind": _choice("kind", Span.Kind.values),
        "model": _text("model"),
        "provider": _text("provider"),
        "name": _text("name"),
        "error": _text("error_code"),
        "slower": _at_least("duration_us", factor=1000),
        "waited": _at_least("first_text_us", factor=1000),
        "cost": _cost("cost"),
        **_COPIED,
    },
    Listed.THOUGHTS: {
        "model": _text("model"),
        "provider": _text("provider"),
        "tool": _text("tool"),
        "finish": _text("finish_reason"),
        "error": _text("error_code"),
        "slower": _at_least("latency_us", factor=1000),
        "waited": _at_least("first_text_us", factor=1000),
        "cost": _cost("price"),
        "app": _OWN_APP,
        "conversation": _id("conversation_id"),
    },
}
