"""The list of spans: single steps across all runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.traces.admin import filters
from apps.traces.admin.formats import duration
from apps.traces.admin.history import StepAdmin
from apps.traces.models import Span
from apps.traces.selectors.traces import as_uuid


@admin.register(Span)
class SpanAdmin(StepAdmin):
    list_template = "admin/traces/span/list.html"
    span_column = "id"
    tab_place = 1
    purpose = _("Single steps across all runs: find the slow ones, the failed ones, all calls of one model.")
    search_hint = _("Search text, node, model or id")
    filters = (filters.started(), filters.span_status(), filters.span_kind(), filters.slower_than())

    def listed(self, request: HttpRequest) -> QuerySet[Span]:
        """Steps that began: skipped ones are shown in their trace only."""
        return self.get_queryset(request).filter(started_at__isnull=False)

    def search(self, rows: QuerySet[Span], text: str) -> QuerySet[Span]:
        wanted = as_uuid(text)
        if wanted is not None:
            return rows.filter(Q(id=wanted) | Q(trace_id=wanted))
        exact = Q(node_id=text) | Q(model=text) | Q(error_code=text)
        return rows.filter(
            exact | Q(name__icontains=text) | Q(input_preview__icontains=text) | Q(output_preview__icontains=text)
        )

    def decorate(self, rows: list[Span]) -> list[Any]:
        return [
            {"span": span, "kind": span.node_type or span.kind, "duration": duration(span.duration_us)} for span in rows
        ]
