"""Text search over what went into spans and came out of them, by the words that were kept for it.

The planner knows how many spans hold a word only for the most common words, and takes any other to be in one of two
hundred: it would walk through a million spans by time to find three. So the index of words is asked first; what it
finds, if it is not much, is read by its ids. What is more than that is said to be many, and is read a part of the time
after the other (`paging`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQueryField
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from apps.datasets.text.analyze import analyze, tsvector_literal
from apps.traces.models import AgentThought, Span, Trace

#: More words than these narrow nothing any more.
MOST_WORDS = 20
#: So many spans of the whole range are read by their ids: they may lie anywhere.
FEW = 1_000
#: The same of a small part of the time, whose spans lie side by side.
FEW_OF_A_PART = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows that answer, unordered; a search says whether they are few (chosen by their ids) or many.

    Of many, `apart` is about how far one of them is from the next in time, where that is known.
    """

    rows: QuerySet[Any]
    is_few: bool = False
    is_many: bool = False
    apart: dt.timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """What some spans name, or, where they are too many, how far what they name is apart."""

    ids: set[Any] | None
    apart: dt.timedelta = dt.timedelta()


def search_spans(spans: QuerySet[Span], text: str, *, few: int = FEW) -> Found:
    """Those of the spans that hold all words of the text, in any order; none for a text without words.

    It asks the database once before it returns; `spans` should be bounded in time. So it is with the two below.
    """
    found = _holds(text)
    if found is None:
        return Found(rows=spans.none())
    hits = _hits(spans.filter(found), "id", most=few)
    if hits.ids is None:
        return Found(rows=spans.filter(found), is_many=True, apart=hits.apart)
    return Found(rows=spans.filter(_among("id", hits.ids)), is_few=True)


def search_thoughts(thoughts: QuerySet[AgentThought], text: str, *, spans: QuerySet[Span], few: int = FEW) -> Found:
    """Those of the thoughts whose span, one of `spans`, holds all words of the text."""
    found = _holds(text)
    if found is None:
        return Found(rows=thoughts.none())
    hits = _hits(spans.filter(found), "id", most=few)
    if hits.ids is None:
        within = Exists(spans.filter(found, id=OuterRef("span_id")))
        return Found(rows=thoughts.filter(within), is_many=True, apart=hits.apart)
    return Found(rows=thoughts.filter(_among("span_id", hits.ids)), is_few=True)


def search_traces(
    traces: QuerySet[Trace], text: str, *, spans: QuerySet[Span], or_else: Q | None = None, few: int = FEW
) -> Found:
    """Those of the traces of which one of the spans holds all words of the text, or of which something else is so."""
    found = _holds(text)
    if found is None:
        return Found(rows=traces.filter(or_else) if or_else is not None else traces.none())
    hits = _hits(spans.filter(found), "trace_id", most=few)
    if hits.ids is None:
        within: Any = Exists(spans.filter(found, trace=OuterRef("pk")).order_by())
        rows = traces.filter(within | or_else if or_else is not None else within)
        return Found(rows=rows, is_many=True, apart=hits.apart)
    if or_else is None:
        return Found(rows=traces.filter(_among("id", hits.ids)), is_few=True)
    others = _hits(traces.filter(or_else), "id", most=few)
    if others.ids is None:
        return Found(rows=traces.filter(Q(_among("id", hits.ids)) | or_else), is_many=True, apart=others.apart)
    return Found(rows=traces.filter(_among("id", hits.ids | others.ids)), is_few=True)


def _hits(rows: QuerySet[Any], column: str, *, most: int) -> _Hits:
    """The values of a column in no order. Where there are more, those read first lie side by side in the table."""
    if most == 0:
        return _Hits(ids=None)
    pairs = list(rows.order_by().values_list(column, "started_at")[: most + 1])
    ids = {value for value, _ in pairs}
    if len(pairs) <= most:
        return _Hits(ids=ids)
    moments = [moment for _, moment in pairs if moment is not None]
    return _Hits(ids=None, apart=(max(moments) - min(moments)) / len(ids) if moments else dt.timedelta())


def _among(column: str, ids: Collection[UUID]) -> Func:
    """Whether a column is one of these ids: one value for the database, where `in` would be thousands of them."""
    return Func(
        F(column),
        Value(list(ids), output_field=ArrayField(UUIDField())),
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


def _holds(text: str) -> Func | None:
    """Whether a span holds all of the words; each stands for itself, whatever signs it is made of."""
    terms = list(dict.fromkeys(analyze(text)))[:MOST_WORDS]
    written = [tsvector_literal({term: 0}) for term in terms]
    words = Value(" & ".join(term for term in written if term))
    if not words.value:
        return None
    return Func(
        F("search"),
        Cast(words, SearchQueryField()),
        template="(%(expressions)s)",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )
