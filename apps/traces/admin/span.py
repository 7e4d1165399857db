"""The list of spans: single steps across all runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.traces.admin import filters
from apps.traces.admin.columns import SPAN_COLUMNS
from apps.traces.admin.history import StepAdmin
from apps.traces.models import Span
from apps.traces.models.saved_view import Listed


@admin.register(Span)
class SpanAdmin(StepAdmin):
    table = Listed.SPANS
    span_column = "id"
    tab_place = 1
    columns = SPAN_COLUMNS
    main_label = _("Span")
    purpose = _("Single steps across all runs: find the slow ones, the failed ones, all calls of one model.")
    search_hint = _("Search text, node, model or id")
    nothing_title = _("No spans in this range of time")
    nothing_text = _("Every step of every run is listed here once the run has ended.")
    filters = (
        filters.SPAN_STATUS,
        filters.KIND,
        filters.APP,
        filters.SLOWER,
        filters.MODEL,
        filters.NAME,
        filters.WAITED,
        filters.COST,
        filters.ERROR_CODE,
        filters.USER,
        filters.SESSION,
        filters.CONVERSATION,
        filters.ENVIRONMENT,
        filters.RELEASE,
        filters.TAG,
    )

    def listed(self, request: HttpRequest) -> QuerySet[Span]:
        return self.get_queryset(request).defer("search")

    def main_of(self, row: Span) -> dict[str, Any]:
        return {
            "url": self.step_url(row),
            "words": row.name,
            "note": row.error_message or row.output_preview or row.input_preview,
            "error": bool(row.error_message),
        }
