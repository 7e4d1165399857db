"""Corrections: what was changed, by whom, and whether it is in force."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.annotations import services
from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter, preview, two_lines
from apps.annotations.admin.pages import correction as page
from apps.annotations.admin.pages import correction_settings, golden_put
from apps.annotations.models import Correction
from apps.annotations.services.exporting_corrections import FORMATS, corrections_file
from apps.annotations.services.golden_picking import MOST_PICKED
from support.errors import ConsoleError, InvalidInput

#: Statuses whose pill is not known by the word alone.
STATUSES: dict[str, dict[str, str]] = {
    "proposed": {"status": "proposed", "tone": "warning", "icon_name": "hourglass"},
    "withdrawn": {"status": "withdrawn", "tone": "neutral", "icon_name": "undo-2"},
}


@admin.register(Correction)
class CorrectionAdmin(AnnotatorModelAdmin):
    """A list that leads to the page of each, and to what the apps make of them."""

    purpose = _("Better answers that people wrote, whether they are in force, and what they led to.")
    empty_text = _("Open an answer under Reviews and write the answer it should have been.")
    list_display = ["asked", "corrected_preview", "changes", "state", "application", "author", "updated"]
    list_filter = ["status", ApplicationFilter]
    search_fields = ["question", "corrected"]
    search_help_text = _("Question or corrected answer")
    list_display_links = None
    ordering = ["-id"]
    actions = ["approve", "add_to_golden_set"]

    def get_urls(self) -> list[URLPattern]:
        """The page of a correction takes the place of the form."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "export/<slug:format>/": ("annotations_correction_export", self.export),
            "settings/": ("annotations_correction_settings", correction_settings.settings_list),
            "settings/<anyslug:slug>/": ("annotations_correction_switches", correction_settings.switches),
            "<uuid:correction_id>/change/": ("annotations_correction_change", page.correction_page),
            "<uuid:correction_id>/approve/": ("annotations_correction_approve", page.approve),
            "<uuid:correction_id>/propose/": ("annotations_correction_propose", page.propose),
            "<uuid:correction_id>/send-back/": ("annotations_correction_send_back", page.send_back),
            "<uuid:correction_id>/withdraw/": ("annotations_correction_withdraw", page.withdraw),
        }
        own = [path(route, site.admin_view(view), name=name) for route, (name, view) in pages.items()]
        listed = [each for each in super().get_urls() if each.name == "annotations_correction_changelist"]
        return [*own, *listed]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application", "author")

    def export(self, request: HttpRequest, format: str) -> HttpResponseBase:
        """What the list shows under its filters, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return corrections_file(self.get_changelist_instance(request).get_queryset(request), format=format)
        except (IncorrectLookupParameters, InvalidInput) as exc:
            raise Http404 from exc

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with what it shows as files."""
        addresses = [(name, reverse("admin:annotations_correction_export", args=[name])) for name in FORMATS]
        context = {"export_formats": addresses, "export_query": request.GET.urlencode(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("question"))
    def asked(self, row: Correction) -> SafeString:
        address = reverse("admin:annotations_correction_change", args=[row.id])
        return format_html('<a class="clamp-2" href="{}">{}</a>', address, preview(row.question, length=100))

    @admin.display(description=_("corrected answer"))
    def corrected_preview(self, row: Correction) -> SafeString:
        return two_lines(row.corrected)

    @admin.display(description=_("words"))
    def changes(self, row: Correction) -> str:
        return f"+{row.diff_stats.get('added', 0)} −{row.diff_stats.get('removed', 0)}"

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: Correction) -> SafeString:
        shown = STATUSES.get(row.status, {"status": row.status})
        return render_to_string("components/pill.html", {**shown, "label": row.get_status_display()})

    @admin.action(description=_("Approve"), permissions=["annotate"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each by itself: one that cannot be approved does not hold up the others."""
        user: Any = request.user
        done = 0
        for row in queryset:
            try:
                services.approve_correction(row, by=user)
            except ConsoleError as exc:
                self.message_user(request, f"{preview(row.question, length=60)}: {exc}", messages.WARNING)
                continue
            done += 1
        self.message_user(request, ngettext("%(n)s approved.", "%(n)s approved.", done) % {"n": done})

    @admin.action(description=_("Add to a golden set"), permissions=["annotate"])
    def add_to_golden_set(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Approved ones, with their better answers."""
        ids = list(queryset.order_by("-id").values_list("id", flat=True)[:MOST_PICKED])
        return golden_put.ask(request, ids, is_capped=len(ids) == MOST_PICKED)
