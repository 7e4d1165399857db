"""Reading traces over HTTP: lists with the filters of the console's lists, one trace, its spans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.traces.api import shapes
from apps.traces.api.authentication import MayReadTraces, TracesKeyAuthentication, reader_of
from apps.traces.models import Span, Trace
from apps.traces.models.saved_view import Listed
from apps.traces.selectors.bounded import bounded
from apps.traces.selectors.conditions import CONDITIONS
from apps.traces.selectors.lists import ORDERS, Question, of_teams, question_of
from apps.traces.selectors.paging import page_of
from apps.traces.selectors.time_range import PRESETS
from apps.traces.selectors.traces import open_trace
from support.api import number_of
from support.errors import InvalidInput, NotFound

MOST_ROWS = 200
_PAGING = [
    OpenApiParameter("limit", OpenApiTypes.INT, description=f"Rows of a page, 1 to {MOST_ROWS}; 50 by itself."),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
]


def _asked_of(table: str) -> list[OpenApiParameter]:
    """The parameters of a list, for the schema."""
    return [
        OpenApiParameter("since", enum=list(PRESETS), description="A range up to now; 24h by itself."),
        OpenApiParameter("from", OpenApiTypes.DATETIME, description="Instead of `since`: the beginning of the range."),
        OpenApiParameter("to", OpenApiTypes.DATETIME, description="The end of the range; open where it is left out."),
        OpenApiParameter("q", OpenApiTypes.STR, description="Words that must occur, or an id, found at any time."),
        OpenApiParameter("sort", enum=list(ORDERS[table]), description="Newest first by itself."),
        *(OpenApiParameter(name, OpenApiTypes.STR) for name in CONDITIONS[table]),
        *_PAGING,
    ]


class TracesView(APIView):
    """What the views of this API share."""

    authentication_classes = [TracesKeyAuthentication, SessionAuthentication]
    permission_classes = [MayReadTraces]

    def within(self, table: str) -> QuerySet[Any]:
        """The rows that the caller may read."""
        reader = reader_of(self.request)
        rows = of_teams(table, reader.team_ids)
        return rows.filter(application_id=reader.application_id) if reader.application_id else rows

    def listed(self, table: str, shape: type[BaseSerializer[Any]]) -> Response:
        """One page of the list that the query asks for. Raises InvalidInput, TooSlow."""
        known = {"since", "from", "to", "q", "sort", "limit", "cursor", *CONDITIONS[table]}
        for name in self.request.query_params:
            if name not in known:
                raise InvalidInput(f"There is no filter {name!r}. Known: {', '.join(sorted(known))}.", path=f"/{name}")
        question = question_of(self.request.query_params.dict(), table=table)
        return self.page(shape, question=question)

    def page(self, shape: type[BaseSerializer[Any]], *, question: Question) -> Response:
        """A page by key."""
        asked = self.request.query_params
        limit = number_of(asked.get("limit", "50"), name="limit", most=MOST_ROWS)
        fields = [name for name in shape.Meta.fields if name != "payload"]  # type: ignore[attr-defined]
        with bounded():
            team_ids = reader_of(self.request).team_ids
            within = self.within(question.table).only(*fields)
            page = page_of(question, within=within, team_ids=team_ids, cursor=asked.get("cursor", ""), size=limit)
        return Response(
            {
                "data": shape(page.rows, many=True).data,
                "has_more": bool(page.older),
                "next_cursor": page.older or None,
            }
        )

    def trace(self, trace_id: UUID) -> Trace:
        """A trace that the caller may read. Raises NotFound."""
        return open_trace(trace_id, within=self.within(Listed.TRACES))


class Traces(TracesView):
    @extend_schema(operation_id="list_traces", parameters=_asked_of(Listed.TRACES), responses=shapes.TRACE_PAGE)
    def get(self, request: Request) -> Response:
        """Traces, newest first, of the last 24 hours unless asked otherwise."""
        return self.listed(Listed.TRACES, shapes.TraceShape)


class Spans(TracesView):
    @extend_schema(operation_id="list_spans", parameters=_asked_of(Listed.SPANS), responses=shapes.SPAN_PAGE)
    def get(self, request: Request) -> Response:
        """Steps across all traces, newest first; skipped ones are in their trace only."""
        return self.listed(Listed.SPANS, shapes.SpanShape)


class TraceDetail(TracesView):
    @extend_schema(operation_id="read_trace", responses=shapes.WholeTraceShape)
    def get(self, request: Request, trace_id: UUID) -> Response:
        """One trace with its whole input and output."""
        return Response(shapes.WholeTraceShape(self.trace(trace_id)).data)


class TraceSpans(TracesView):
    @extend_schema(operation_id="list_spans_of_trace", parameters=_PAGING, responses=shapes.SPAN_PAGE)
    def get(self, request: Request, trace_id: UUID) -> Response:
        """The spans of a trace in the order of their ids, which is the order in which they began."""
        trace = self.trace(trace_id)
        limit = number_of(request.query_params.get("limit", "50"), name="limit", most=1_000)
        rows = Span.objects.filter(trace_id=trace.id).only(*shapes.SpanShape.Meta.fields).order_by("id")
        after = request.query_params.get("cursor", "")
        if after:
            rows = rows.filter(id__gt=_id(after))
        with bounded():
            found = list(rows[: limit + 1])
        more = len(found) > limit
        data = shapes.SpanShape(found[:limit], many=True).data
        return Response({"data": data, "has_more": more, "next_cursor": str(found[limit - 1].id) if more else None})


class SpanDetail(TracesView):
    @extend_schema(operation_id="read_span", responses=shapes.WholeSpanShape)
    def get(self, request: Request, trace_id: UUID, span_id: UUID) -> Response:
        """One span with its large values."""
        trace = self.trace(trace_id)
        span = Span.objects.defer("search").filter(id=span_id, trace_id=trace.id).first()
        if span is None:
            raise NotFound("There is no such span in this trace.")
        return Response(shapes.WholeSpanShape(span).data)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("cursor must be the `next_cursor` of the page before.", path="/cursor") from None
