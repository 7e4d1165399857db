"""Evaluators in the admin: named ways to judge an answer."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.evaluator_form import SETTINGS, EvaluatorForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import Calibration, Evaluator
from apps.annotations.services.online import KINDS


@admin.register(Evaluator)
class EvaluatorAdmin(TeamSetUpAdmin):
    """Who may edit a team sets evaluators up. What was measured keeps the settings that it was measured with."""

    form = EvaluatorForm
    purpose = _("Named ways to judge an answer: by rule, by meaning, by a model with a rubric, or by your own code.")
    empty_text = _("Make one for each thing a good answer must have. Experiments and live traffic are judged by them.")
    list_display = ["name", "kind", "pass_at", "calibrated", "is_archived", "updated"]
    list_filter = ["kind", "is_archived"]
    search_fields = ["name", "description"]
    search_help_text = _("Name or description")
    ordering = ["name"]
    fieldsets = (
        (None, {"fields": ("name", "description", "kind", "pass_at", "is_archived")}),
        (
            _("How it judges"),
            {
                "fields": SETTINGS,
                # Where no script shows what the chosen kind uses.
                "description": _("Each kind uses some of these; the others count for nothing."),
            },
        ),
    )

    class Media:
        js = ("annotations/evaluator.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        newest = Calibration.objects.filter(evaluator=OuterRef("pk"), status="completed").order_by("-id")
        rows = super().get_queryset(request)
        with_newest: QuerySet[Any] = rows.annotate(newest_calibration=Subquery(newest.values("id")[:1]))
        return with_newest

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody archives what is not there yet."""
        first, *rest = super().get_fieldsets(request, obj)
        if obj is not None:
            return (first, *rest)
        fields = tuple(name for name in first[1]["fields"] if name != "is_archived")
        return ((first[0], {**first[1], "fields": fields}), *rest)

    @admin.display(description=_("beside people"))
    def calibrated(self, row: Any) -> SafeString | str:
        """The way to how far it agrees with people."""
        if row.newest_calibration is None and row.kind not in KINDS:
            return "–"
        if row.newest_calibration is None:
            begin = f"{reverse('admin:annotations_calibration_begin')}?evaluator={row.id}"
            return format_html('<a href="{}">{}</a>', begin, _("Compare"))
        address = reverse("admin:annotations_calibration", args=[row.newest_calibration])
        return format_html('<a href="{}">{}</a>', address, _("Agreement"))
