"""The list of traces; each opens its trace page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from apps.traces.admin import filters
from apps.traces.admin.columns import TRACE_COLUMNS
from apps.traces.admin.history import HistoryAdmin
from apps.traces.admin.pages.access import teams_seen
from apps.traces.admin.pages.urls import PAGES
from apps.traces.models import Trace
from apps.traces.models.saved_view import Listed
from apps.workflows.selectors.runs import running_now

#: So many runs that go on are named above the list; all of them are in the list of runs.
MOST_RUNNING = 4


@admin.register(Trace)
class TraceAdmin(HistoryAdmin):
    table = Listed.TRACES
    columns = TRACE_COLUMNS
    main_label = _("Input")
    purpose = _("Every run, step by step: what went in, what came out, how long it took, what it cost.")
    search_hint = _("Search text, user or id")
    nothing_title = _("No traces in this range of time")
    nothing_text = _("A trace appears here as soon as a run of an app has ended. Open an app and ask it something.")
    filters = (
        filters.TRACE_STATUS,
        filters.APP,
        filters.SLOWER,
        filters.SOURCE,
        filters.MODEL,
        filters.COST,
        filters.WAITED,
        filters.TOKENS,
        filters.ERRORS,
        filters.ERROR_CODE,
        filters.USER,
        filters.SESSION,
        filters.CONVERSATION,
        filters.VERSION,
        filters.NAME,
        filters.ENVIRONMENT,
        filters.RELEASE,
        filters.TAG,
    )

    def listed(self, request: HttpRequest) -> QuerySet[Trace]:
        return self.get_queryset(request).defer("input", "output", "error_details", "truncated")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the runs above it that go on and have no trace yet."""
        running = running_now(team_ids=teams_seen(self, request), limit=MOST_RUNNING)
        return super().changelist_view(request, {**(extra_context or {}), "running": running})

    def main_of(self, row: Trace) -> dict[str, Any]:
        return {
            "url": reverse("admin:traces_trace_change", args=[row.id]),
            "words": row.input_preview or row.name,
            "note": row.error_message or row.output_preview,
            "error": bool(row.error_message),
        }

    def get_urls(self) -> list[URLPattern]:
        """The trace page takes the place of the change form, under its address."""
        pages = [path(route, self._page(view), name=name) for route, view, name in PAGES]
        return [*pages, *super().get_urls()]

    def _page(self, view: Any) -> Any:
        return self.admin_site.admin_view(partial(view, self))
