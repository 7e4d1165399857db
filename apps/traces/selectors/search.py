"""Text search over what went into spans and came out of them, by the words that were kept for it."""

from __future__ import annotations

from django.contrib.postgres.search import SearchQueryField
from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet, Value
from django.db.models.functions import Cast

from apps.datasets.text.analyze import analyze, tsvector_literal
from apps.traces.models import Span, Trace

#: More words than these narrow nothing any more.
MOST_WORDS = 20


def search_spans(spans: QuerySet[Span], text: str) -> QuerySet[Span]:
    """Those of the spans that hold all words of the text, in any order; none for a text without words."""
    found = _holds(text)
    return spans.none() if found is None else spans.filter(found)


def search_traces(traces: QuerySet[Trace], text: str) -> QuerySet[Trace]:
    """Those of the traces of which some span holds all words of the text."""
    found = _holds(text)
    if found is None:
        return traces.none()
    return traces.filter(Exists(Span.objects.filter(found, trace=OuterRef("pk"), team_id=OuterRef("team_id"))))


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
