"""Corrections: what was changed, by whom, and whether it is in force."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter, preview, review_link
from apps.annotations.models import Correction


@admin.register(Correction)
class CorrectionAdmin(AnnotatorModelAdmin):
    """A list that leads to the review page, where corrections are written and withdrawn."""

    purpose = _("Better answers that people wrote, and whether they are in force.")
    empty_text = _("Open an answer under To review and write the answer it should have been.")
    list_display = ["asked", "corrected_preview", "changes", "status", "application", "author", "updated_at"]
    list_filter = ["status", ApplicationFilter]
    search_fields = ["question", "corrected"]
    search_help_text = _("Question or corrected answer")
    list_display_links = None
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application", "author")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("question"))
    def asked(self, row: Correction) -> SafeString | str:
        return review_link(row.message_id, preview(row.question, length=80))

    @admin.display(description=_("corrected answer"))
    def corrected_preview(self, row: Correction) -> str:
        return preview(row.corrected, length=90)

    @admin.display(description=_("words"))
    def changes(self, row: Correction) -> str:
        return f"+{row.diff_stats.get('added', 0)} −{row.diff_stats.get('removed', 0)}"
