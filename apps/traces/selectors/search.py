"""Text search over what went into spans and came out of them, by the words that were kept for it.

The planner knows how many spans hold a word only for the most common words, and takes any other to be in one of two
hundred: it would walk through a million spans by time to find three. So the index of words is asked first; what it
finds, if it is not much, is read by its ids. Of what is more than that, the newest is found quickly by time.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQueryField
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from apps.datasets.text.analyze import analyze, tsvector_literal
from apps.traces.models import Span, Trace

#: More words than these narrow nothing any more.
MOST_WORDS = 20
#: So many spans are read by their ids.
FEW = 5_000


def search_spans(spans: QuerySet[Span], text: str) -> QuerySet[Span]:
    """Those of the spans that hold all words of the text, in any order; none for a text without words.

    It asks the database once before it returns; `spans` should be bounded in time.
    """
    found = _holds(text)
    if found is None:
        return spans.none()
    ids = _few(spans.filter(found), "id")
    return spans.filter(found) if ids is None else spans.filter(_among("id", ids))


def search_traces(
    traces: QuerySet[Trace], text: str, *, spans: QuerySet[Span], or_else: Q | None = None
) -> QuerySet[Trace]:
    """Those of the traces of which one of the spans holds all words of the text, or of which something else is so.

    It asks the database once before it returns; `spans` should be bounded in time as the traces are.
    """
    found = _holds(text)
    if found is None:
        return traces.filter(or_else) if or_else is not None else traces.none()
    ids = _few(spans.filter(found), "trace_id")
    if ids is None:
        within: Any = Exists(spans.filter(found, trace=OuterRef("pk")).order_by())
        return traces.filter(within | or_else if or_else is not None else within)
    if or_else is not None:
        more = _few(traces.filter(or_else), "id")
        if more is None:
            return traces.filter(Q(_among("id", ids)) | or_else)
        ids |= more
    return traces.filter(_among("id", ids))


def _few(rows: QuerySet[Any], column: str) -> set[Any] | None:
    """The values of a column, or None where there are many rows."""
    values = list(rows.order_by().values_list(column, flat=True)[: FEW + 1])
    return set(values) if len(values) <= FEW else None


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
