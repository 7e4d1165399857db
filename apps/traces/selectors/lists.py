"""What a list is asked (range of time, filters, search, order) and the rows that answer it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from apps.traces.models import AgentThought, Span, Trace
from apps.traces.models.saved_view import Listed
from apps.traces.selectors.conditions import CONDITIONS
from apps.traces.selectors.keyset import NEWEST
from apps.traces.selectors.search import FEW, Found, search_spans, search_thoughts, search_traces
from apps.traces.selectors.time_range import TimeRange, range_of
from apps.traces.selectors.traces import as_uuid
from support.errors import InvalidInput
from support.ids import earliest

SEARCH, SORT, PICKED = "q", "sort", "ids"
#: As many as a page shows, and some more.
MOST_PICKED = 500
MOST_WORDS = 200
MODELS: dict[str, type[Model]] = {Listed.TRACES: Trace, Listed.SPANS: Span, Listed.THOUGHTS: AgentThought}
#: Names of orders -> columns, the largest first.
ORDERS: dict[str, dict[str, str]] = {
    Listed.TRACES: {
        "newest": NEWEST,
        "slowest": "duration_us",
        "first_text": "first_text_us",
        "costliest": "cost",
        "tokens": "total_tokens",
    },
    Listed.SPANS: {"newest": NEWEST, "slowest": "duration_us", "first_text": "first_text_us", "costliest": "cost"},
    Listed.THOUGHTS: {"newest": NEWEST, "slowest": "latency_us", "first_text": "first_text_us", "costliest": "price"},
}
#: An id is made about when what it names begins; of a long trace from elsewhere, when its first span to arrive began.
#: Months are what ids are compared for, so there is room for both.
_SLACK = dt.timedelta(days=1)
_SLACK_AFTER = dt.timedelta(days=7)
AROUND = dt.timedelta(hours=1)
#: Ids that people paste into the search field, besides the row's own.
_KNOWN_BY = {
    Listed.TRACES: ("message_id", "conversation_id"),
    Listed.SPANS: ("trace_id", "conversation_id"),
    Listed.THOUGHTS: ("trace_id", "span_id", "message_id", "conversation_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a list. `as_dict` keeps it for a job: with moments, so that it means the same later."""

    table: str
    during: TimeRange
    filters: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    order: str = "newest"
    #: Rows that somebody picked; nothing else is asked then.
    ids: tuple[UUID, ...] = ()

    @property
    def column(self) -> str:
        """The column that the rows are ordered by."""
        return ORDERS[self.table][self.order]

    @property
    def wanted_id(self) -> UUID | None:
        """The id that was searched for; it is found whatever the range and the filters say."""
        return as_uuid(self.text) if self.text else None

    def as_dict(self, *, until: dt.datetime) -> dict[str, Any]:
        """The question as JSON, closed at `until` where its range is open."""
        return {
            "from": self.during.start.isoformat(),
            "to": (self.during.end or until).isoformat(),
            "filters": dict(self.filters),
            "q": self.text,
            "sort": self.order,
            "ids": [str(each) for each in self.ids],
        }


def question_of(parameters: Mapping[str, str], *, table: str) -> Question:
    """The question that the parameters of an address put. Raises InvalidInput."""
    order = parameters.get(SORT) or "newest"
    if order not in ORDERS[table]:
        raise InvalidInput(_("sort must be one of %(orders)s.") % {"orders": ", ".join(ORDERS[table])}, path=f"/{SORT}")
    filters = {name: parameters[name] for name in CONDITIONS[table] if parameters.get(name)}
    for name, value in filters.items():
        if not CONDITIONS[table][name].accepts(value):
            raise InvalidInput(
                _("%(name)s cannot be “%(value)s”.") % {"name": name, "value": value[:60]}, path=f"/{name}"
            )
    text = parameters.get(SEARCH, "").replace("\x00", "").strip()[:MOST_WORDS]
    return Question(
        table=table,
        during=range_of(parameters),
        filters=filters,
        text=text,
        order=order,
        ids=_picked(parameters.get(PICKED, "")),
    )


def _picked(text: str) -> tuple[UUID, ...]:
    ids = [as_uuid(each) for each in text.split(",")[: MOST_PICKED + 1] if each]
    if len(ids) > MOST_PICKED or None in ids:
        raise InvalidInput(_("ids must name up to %(n)s rows.") % {"n": MOST_PICKED}, path=f"/{PICKED}")
    return tuple(each for each in ids if each)


def question_from(stored: Mapping[str, Any], *, table: str) -> Question:
    """The question that `Question.as_dict` kept."""
    return question_of(
        {
            **stored["filters"],
            **{name: stored[name] for name in ("from", "to", "q", "sort")},
            PICKED: ",".join(stored.get("ids", ())),
        },
        table=table,
    )


def rows_of(question: Question, *, within: QuerySet[Any], team_ids: Collection[UUID] | None) -> QuerySet[Any]:
    """The rows that answer, unordered, out of those that may be seen. A search for words looks for users at once.

    `within` are rows of the teams `team_ids` (None: of any); the words of no other team are read.
    """
    return find(question, within=within, team_ids=team_ids).rows


def find(
    question: Question,
    *,
    within: QuerySet[Any],
    team_ids: Collection[UUID] | None,
    few: int | None = None,
) -> Found:
    """The same, and whether a search found many.

    `few` is said where the range is a small part of what people asked for: so many spans of it are read by their ids.
    """
    if question.ids:
        rows = within.filter(id__in=question.ids)
        return Found(rows=rows if question.column == NEWEST else rows.filter(**{f"{question.column}__isnull": False}))
    wanted = question.wanted_id
    if wanted is not None:
        return Found(rows=_by_id(within, wanted, table=question.table))
    rows = during_of(within, question.during)
    if question.table == Listed.SPANS:
        rows = rows.filter(started_at__isnull=False)  # skipped steps are shown in their trace only
    if question.column != NEWEST:
        rows = rows.filter(**{f"{question.column}__isnull": False})
    for name, value in question.filters.items():
        rows = CONDITIONS[question.table][name].narrow(rows, value)
    if not question.text:
        return Found(rows=rows)
    return _matching(rows, question, team_ids, few=few)


def of_teams(table: str, team_ids: Collection[UUID] | None) -> QuerySet[Any]:
    """All rows of a table that belong to these teams (None: to any)."""
    every: QuerySet[Any] = MODELS[table]._default_manager.all()
    return every if team_ids is None else every.filter(team_id__in=list(team_ids))


def during_of(rows: QuerySet[Any], during: TimeRange) -> QuerySet[Any]:
    """Rows that began in a range: by time, and by the ids that were made then, as the tables are partitioned by id."""
    rows = rows.filter(started_at__gte=during.start, id__gte=earliest(during.start - _SLACK))
    if during.end is None:
        return rows
    return rows.filter(started_at__lt=during.end, id__lt=earliest(during.end + _SLACK_AFTER))


def _by_id(rows: QuerySet[Any], wanted: UUID, *, table: str) -> QuerySet[Any]:
    found = Q(id=wanted)
    for column in _KNOWN_BY[Listed(table)]:
        found |= Q(**{column: wanted})
    if table == Listed.TRACES:
        found |= Q(external_id=wanted.hex)
    return rows.filter(found)


def _matching(rows: QuerySet[Any], question: Question, team_ids: Collection[UUID] | None, *, few: int | None) -> Found:
    """Rows that hold all words of the text; traces also by their user or session, spelled as they are."""
    text, most = question.text, FEW if few is None else few
    if question.table == Listed.SPANS:
        return search_spans(rows, text, few=most)
    spans = _spans_of(question, of_teams(Listed.SPANS, team_ids).order_by(), is_part=few is not None)
    if question.table == Listed.THOUGHTS:
        return search_thoughts(rows, text, spans=spans, few=most)
    named = {column: text for column in ("end_user", "session") if rows.filter(**{column: text}).exists()}
    or_else = Q(*named.items(), _connector=Q.OR) if named else None
    return search_traces(rows, text, spans=spans, or_else=or_else, few=most)


def _spans_of(question: Question, spans: QuerySet[Any], *, is_part: bool) -> QuerySet[Any]:
    """The spans that what begins in the range may have: they go on after its end.

    For a small part of the time a day more would be most of what is read. There, those of traces whose ids were made
    around it are taken: a trace that began more than an hour from its id is found by its user or by rarer words.
    """
    during = question.during
    if not is_part or question.table != Listed.TRACES:
        return during_of(spans, TimeRange(start=during.start, end=during.end + _SLACK if during.end else None))
    spans = spans.filter(id__gte=earliest(during.start - _SLACK), trace_id__gte=earliest(during.start - AROUND))
    return spans.filter(trace_id__lt=earliest(during.end + AROUND)) if during.end else spans
