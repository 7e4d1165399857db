"""The shapes that the API answers in, which are also its documentation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from apps.traces.models import Span, SpanPayload, Trace
from apps.traces.services.export_rows import columns_of


class TraceShape(serializers.ModelSerializer[Trace]):
    """A trace as lists have it; times in microseconds, cost as a decimal string."""

    class Meta:
        model = Trace
        fields = columns_of("traces", with_payloads=False)


class WholeTraceShape(serializers.ModelSerializer[Trace]):
    """A trace with its whole input, output and error."""

    class Meta:
        model = Trace
        fields = (*columns_of("traces", with_payloads=True), "error_details", "truncated")


class SpanShape(serializers.ModelSerializer[Span]):
    """A span as lists have it; `parent_key` is the `key` of its parent in the same trace."""

    class Meta:
        model = Span
        fields = (*columns_of("spans", with_payloads=False), "position", "offset_us")


class PayloadShape(serializers.ModelSerializer[SpanPayload]):
    """The large values of a span."""

    class Meta:
        model = SpanPayload
        exclude = ("span",)


class WholeSpanShape(SpanShape):
    """A span with its large values; `payload` is null where nothing was recorded."""

    payload = serializers.SerializerMethodField()

    class Meta(SpanShape.Meta):
        fields = (*SpanShape.Meta.fields, "payload")

    def get_payload(self, span: Span) -> dict[str, Any] | None:
        """The payload, if the span has one."""
        found = SpanPayload.objects.filter(span_id=span.id).first()
        return dict(PayloadShape(found).data) if found else None


def _page(name: str, shape: serializers.BaseSerializer[Any]) -> serializers.Serializer[Any]:
    """One page, for the schema: ask for the next with `cursor`; `next_cursor` is null on the last."""
    more, cursor = serializers.BooleanField(), serializers.CharField(allow_null=True)
    return inline_serializer(name, {"data": shape, "has_more": more, "next_cursor": cursor})


TRACE_PAGE = _page("TracePage", TraceShape(many=True))
SPAN_PAGE = _page("SpanPage", SpanShape(many=True))
