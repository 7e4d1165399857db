"""A read-only list of what happened: filter chips that show what is on, search, pages by key instead of by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise

from apps.traces.admin.filters import CURSOR, Chip, Filter
from apps.traces.selectors.keyset import counted, read_page
from apps.traces.selectors.traces import as_uuid
from support.admin import ReadOnlyModelAdmin


class HistoryAdmin(ReadOnlyModelAdmin):
    """The list page of a table that only grows; `list_template` draws its rows."""

    list_template: ClassVar[str]
    filters: ClassVar[Sequence[Filter]] = ()
    #: Where its tab stands among the lists.
    tab_place: ClassVar[int] = 0
    purpose: ClassVar[str | Promise] = ""
    search_hint: ClassVar[str | Promise] = ""

    def listed(self, request: HttpRequest) -> QuerySet[Any]:
        """What the list may show, without the columns it does not need."""
        return self.get_queryset(request)

    def search(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """The rows that the search field means."""
        raise NotImplementedError

    def decorate(self, rows: list[Any]) -> list[Any]:
        """The rows as the template shows them."""
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. A search for an id looks everywhere; everything else stays inside the filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        text = request.GET.get("q", "").strip()
        chips = [each.bind(request) for each in self.filters]
        rows = self._narrowed(request, chips, text)
        page = read_page(rows, cursor=request.GET.get(CURSOR, ""), size=self.list_per_page)
        total, is_exact = (len(page.rows), True) if page.is_whole else counted(rows)
        context = {
            "page_title": self.model._meta.verbose_name_plural.capitalize(),
            "page_purpose": self.purpose,
            "tabs": self._tabs(request),
            "search_hint": self.search_hint,
            "search": text,
            "chips": chips,
            "kept": [(name, value) for name, value in request.GET.items() if name not in ("q", CURSOR)],
            "rows": self.decorate(page.rows),
            "is_filtered": bool(text) or any(chip.clear_url for chip in chips),
            "newer": self._page_url(request, page.newer),
            "older": self._page_url(request, page.older),
            "total": total,
            "total_is_exact": is_exact,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.list_template, context)

    def _narrowed(self, request: HttpRequest, chips: Sequence[Chip], text: str) -> QuerySet[Any]:
        rows = self.listed(request)
        if text:
            rows = self.search(rows, text)
        if text and as_uuid(text) is not None:
            return rows
        for each, chip in zip(self.filters, chips, strict=True):
            if chip.value:
                rows = each.narrow(rows, chip.value)
        return rows

    def _tabs(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The lists of this kind that the person may see, side by side."""
        lists = [each for each in self.admin_site._registry.values() if isinstance(each, HistoryAdmin)]
        return [
            {
                "label": each.model._meta.verbose_name_plural.capitalize(),
                "url": reverse(f"admin:{each.opts.app_label}_{each.opts.model_name}_changelist"),
                "current": each is self,
            }
            for each in sorted(lists, key=lambda each: each.tab_place)
            if each.has_view_permission(request)
        ]

    def _page_url(self, request: HttpRequest, cursor: str) -> str:
        if not cursor:
            return ""
        parameters = request.GET.copy()
        parameters[CURSOR] = cursor
        return "?" + parameters.urlencode()


class StepAdmin(HistoryAdmin):
    """The list of something that happened within a trace, and is shown there."""

    #: The attribute that names the span to open.
    span_column: ClassVar[str]

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
        page = reverse("admin:traces_trace_change", args=[row.trace_id])
        return redirect(f"{page}?span={getattr(row, self.span_column)}")
