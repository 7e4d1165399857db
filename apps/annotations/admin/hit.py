"""The hit history: which question got which approved answer."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.access import (
    AnnotatorModelAdmin,
    ApplicationFilter,
    preview,
    review_link,
    trace_url,
    two_lines,
)
from apps.annotations.models import AnnotationHit


@admin.register(AnnotationHit)
class AnnotationHitAdmin(AnnotatorModelAdmin):
    """History: nothing to edit."""

    purpose = _("Each time a question was answered from an annotation, with both texts as they were.")
    empty_text = _("Ask an app a question that has an annotation.")
    list_display = ["asked", "matched", "similarity", "answer_preview", "application", "trace", "source", "created"]
    list_filter = [ApplicationFilter, "source"]
    search_fields = ["question", "annotation_question"]
    search_help_text = _("Either question")
    list_display_links = None
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "annotation__id__exact" or super().lookup_allowed(lookup, value, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("asked"))
    def asked(self, row: AnnotationHit) -> SafeString | str:
        return review_link(row.message_id, preview(row.question, length=80))

    @admin.display(description=_("annotation's question"))
    def matched(self, row: AnnotationHit) -> SafeString | str:
        words = preview(row.annotation_question, length=80)
        if row.annotation_id is None:
            return words
        address = reverse("admin:annotations_annotation_change", args=[row.annotation_id])
        return format_html('<a class="clamp-2" href="{}">{}</a>', address, words)

    @admin.display(description=_("trace"))
    def trace(self, row: AnnotationHit) -> SafeString | str:
        address = trace_url(row.run_id)
        return format_html('<a href="{}">{}</a>', address, _("Trace")) if address else "–"

    @admin.display(description=_("similarity"), ordering="score")
    def similarity(self, row: AnnotationHit) -> str:
        return f"{row.score:.3f}"

    @admin.display(description=_("answer given"))
    def answer_preview(self, row: AnnotationHit) -> SafeString:
        return two_lines(row.annotation_answer)
