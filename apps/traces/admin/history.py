"""A read-only list of what happened: a range of time, chips that show what is on, views, pages by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise

from accounts.selectors import teams_seen_by
from apps.traces.admin import asked, change_request, export_request, reading, view_requests
from apps.traces.admin.columns import Column, cells, chosen
from apps.traces.admin.controls import controls
from apps.traces.admin.filters import Filter
from apps.traces.admin.row_actions import Offered, offered
from apps.traces.models.saved_view import Listed
from support.admin import ReadOnlyModelAdmin


class HistoryAdmin(ReadOnlyModelAdmin):
    """The list page of a table that only grows."""

    list_template: ClassVar[str] = "admin/traces/history.html"
    table: ClassVar[str]
    filters: ClassVar[Sequence[Filter]] = ()
    columns: ClassVar[Sequence[Column]] = ()
    #: Where it stands among the lists.
    tab_place: ClassVar[int] = 0
    icon: ClassVar[str] = "list-tree"
    main_label: ClassVar[str | Promise] = ""
    purpose: ClassVar[str | Promise] = ""
    search_hint: ClassVar[str | Promise] = ""
    nothing_title: ClassVar[str | Promise] = ""
    nothing_text: ClassVar[str | Promise] = ""

    def listed(self, request: HttpRequest) -> QuerySet[Any]:
        """What the list may show, without the columns it does not need."""
        return self.get_queryset(request)

    def main_of(self, row: Any) -> dict[str, Any]:
        """The first cell: `url`, `words`, `note`, `error`. By itself a row's name and page."""
        return {"url": self.url_of("change", row.pk), "words": str(row), "note": "", "error": ""}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. A search for an id looks everywhere; everything else stays inside range and filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        question = asked.read(self, request)
        answer = reading.read(self, request, question)
        columns = chosen(question.parameters, self.columns)
        context = {
            "page_title": self.model._meta.verbose_name_plural.capitalize(),
            "page_purpose": self.purpose,
            "lists": self._lists(request),
            "list": self,
            "asked": question,
            "answer": answer,
            "columns": columns,
            "rows": [
                {"id": row.id, "main": self.main_of(row), "cells": cells(row, columns)} for row in answer.page.rows
            ],
            **controls(self, question, answer, columns),
            **self._rights(request),
            "row_actions": self._row_actions(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.list_template, context, status=503 if answer.trouble else 200)

    def _rights(self, request: HttpRequest) -> dict[str, bool]:
        """What this person may do to rows of this list: only whole traces are tagged and deleted."""
        is_whole = self.table == Listed.TRACES
        return {
            "may_tag": is_whole and change_request.teams_for(self, request, change_request.TAG) != [],
            "may_delete": is_whole and change_request.teams_for(self, request, change_request.DELETE) != [],
        }

    def _row_actions(self, request: HttpRequest) -> list[Offered]:
        """What other apps do with whole traces."""
        if self.table != Listed.TRACES:
            return []
        return offered(request, team_ids=[team.id for team in teams_seen_by(request)])

    def _lists(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The lists of this kind that the person may see, side by side."""
        lists = [each for each in self.admin_site._registry.values() if isinstance(each, HistoryAdmin)]
        return [
            {
                "label": each.model._meta.verbose_name_plural.capitalize(),
                "url": each.list_url(),
                "current": each is self,
            }
            for each in sorted(lists, key=lambda each: each.tab_place)
            if each.has_view_permission(request)
        ]

    def list_url(self) -> str:
        """The address of the list."""
        return self.url_of("changelist")

    def url_of(self, name: str, *args: Any) -> str:
        """The address of one of this list's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def get_urls(self) -> list[URLPattern]:
        """What is asked of a list besides its pages: to keep a view, to make a file, to change all that fits."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        own = [
            path("views/", wrap(view_requests.save(self)), name=f"{name}_views"),
            path("views/<uuid:view_id>/", wrap(view_requests.change(self)), name=f"{name}_view"),
            path("export/", wrap(export_request.export(self)), name=f"{name}_export"),
            path("change-all/", wrap(change_request.change(self)), name=f"{name}_change_all"),
        ]
        return [*own, *super().get_urls()]


class StepAdmin(HistoryAdmin):
    """The list of something that happened within a trace, and is shown there."""

    #: The attribute that names the span to open.
    span_column: ClassVar[str]

    def step_url(self, row: Any) -> str:
        """The trace page with the span open."""
        page = reverse("admin:traces_trace_change", args=[row.trace_id])
        return f"{page}?span={getattr(row, self.span_column)}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Go to the trace with the span open."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return redirect(self.step_url(row))
