"""The list of traces; each opens its trace page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.traces.admin import filters
from apps.traces.admin.formats import duration
from apps.traces.admin.history import HistoryAdmin
from apps.traces.admin.pages.trace import span_pane, trace_download, trace_page
from apps.traces.models import Trace
from apps.traces.selectors import traces


def _apps(request: HttpRequest) -> list[traces.TracedApp]:
    user: Any = request.user
    teams = None if user.is_superuser else list(teams_of(user).values_list("id", flat=True))
    return traces.traced_apps(team_ids=teams)


@admin.register(Trace)
class TraceAdmin(HistoryAdmin):
    list_template = "admin/traces/trace/list.html"
    purpose = _("Every run, step by step: what went in, what came out, how long it took, how many tokens.")
    search_hint = _("Search text, user or id")
    filters = (
        filters.started(),
        filters.trace_status(),
        filters.app(_apps),
        filters.trace_source(),
        filters.slower_than(),
    )

    def listed(self, request: HttpRequest) -> QuerySet[Trace]:
        return self.get_queryset(request).defer(*traces.LARGE)

    def search(self, rows: QuerySet[Trace], text: str) -> QuerySet[Trace]:
        return traces.matching(rows, text)

    def decorate(self, rows: list[Trace]) -> list[Any]:
        return [
            {
                "trace": trace,
                "duration": duration(trace.duration_us),
                "first_text": duration(trace.first_text_us),
            }
            for trace in rows
        ]

    def get_urls(self) -> list[URLPattern]:
        """The trace page takes the place of the change form, under its address."""
        pages = [
            path("<uuid:trace_id>/change/", self._page(trace_page), name="traces_trace_change"),
            path("<uuid:trace_id>/spans/<uuid:span_id>/", self._page(span_pane), name="traces_trace_span"),
            path("<uuid:trace_id>/download/", self._page(trace_download), name="traces_trace_download"),
        ]
        return [*pages, *super().get_urls()]

    def _page(self, view: Any) -> Any:
        return self.admin_site.admin_view(partial(view, self))
