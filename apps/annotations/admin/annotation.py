"""Annotations: the answers that are given without a model."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations import services
from apps.annotations.admin.searchable import SearchableAnswerAdmin, Writing
from apps.annotations.models import Annotation, AnswerImport


@admin.register(Annotation)
class AnnotationAdmin(SearchableAnswerAdmin):
    """Questions that are answered with an approved text."""

    purpose = _("Questions that are answered with an approved text, before any model is asked.")
    empty_text = _(
        "Approve a correction on a review page, write one by hand, or import a file of questions and answers."
    )
    import_target = AnswerImport.Target.ANNOTATIONS
    writing = Writing(add=services.add_annotation, toggle=services.toggle_annotation)
    list_display = ["question", "answer_preview", "application", "hits", "is_enabled", "source", "last_hit_at"]
    fields = [
        "question",
        "answer",
        "is_enabled",
        "approval",
        "application",
        "origin",
        "hits",
        "created_by",
        "created_at",
        "updated_at",
    ]
    readonly_fields = ["approval", "application", "origin", "hits", "created_by", "created_at", "updated_at"]

    @admin.display(description=_("hits"), ordering="hit_count")
    def hits(self, row: Annotation) -> SafeString | str:
        if not row.hit_count:
            return "0"
        address = reverse("admin:annotations_annotationhit_changelist")
        return format_html('<a href="{}?annotation__id__exact={}">{}</a>', address, row.id, row.hit_count)
