"""Calibrations in the admin: the list; beginning one and reading one have pages of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.access import AnnotatorModelAdmin
from apps.annotations.admin.pages import calibration
from apps.annotations.admin.team_set_up import may_add
from apps.annotations.models import Calibration
from apps.annotations.selectors.calibrations import calibrations_of


@admin.register(Calibration)
class CalibrationAdmin(AnnotatorModelAdmin):
    """Who may edit a team holds its evaluators against people; its members read how far they agree."""

    purpose = _(
        "How far your judges agree with people: before a judge decides anything, see whether it judges as you do."
    )
    empty_text = _("Review some answers in a queue first; then let a judge judge the same ones.")
    list_display = ["title", "judged", "state", "created"]
    list_display_links = None
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """The pages come before the forms."""
        view = self.admin_site.admin_view
        own = [
            path("add/", view(calibration.begin), name="annotations_calibration_begin"),
            path("<uuid:calibration_id>/", view(calibration.calibration), name="annotations_calibration"),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return calibrations_of(teams_of(request.user).values_list("id", flat=True))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_add(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """There is no form: what came out is not edited."""
        return redirect("admin:annotations_calibration", object_id)

    @admin.display(description=_("calibration"))
    def title(self, row: Calibration) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:annotations_calibration", args=[row.id]), row)

    @admin.display(description=_("answers"))
    def judged(self, row: Calibration) -> str:
        return f"{row.total:,}"

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: Calibration) -> SafeString:
        return render_to_string("components/pill.html", {"status": row.status, "label": row.get_status_display()})
