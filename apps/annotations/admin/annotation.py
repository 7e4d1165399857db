"""Annotations: the answers that are given without a model."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.selectors import may
from apps.annotations import services
from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter, origin_links, preview
from apps.annotations.models import Annotation
from apps.annotations.models.searchable import SearchableAnswer
from support.errors import ConsoleError


class SearchableAnswerAdmin(AnnotatorModelAdmin):
    """What annotations and examples share: a list of questions that are switched on and off."""

    list_filter = ["is_enabled", ApplicationFilter]
    search_fields = ["question", "answer"]
    search_help_text = _("Question or answer")
    date_hierarchy = None
    actions = ["enable", "disable"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("application", "correction__queue_item", "created_by")
        return rows.defer("embedding")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "question" and field is not None:
            field.widget.attrs["rows"] = 2
        return field

    @admin.display(description=_("answer"))
    def answer_preview(self, row: SearchableAnswer) -> str:
        return preview(row.answer, length=90)

    @admin.display(description=_("source"))
    def source(self, row: Any) -> SafeString | str:
        if row.correction is None:
            return str(_("Written by hand"))
        address = reverse("admin:annotations_correction_change", args=[row.correction_id])
        return format_html('<a href="{}">{}</a>', address, _("Correction"))

    @admin.display(description=_("came from"))
    def origin(self, row: Any) -> SafeString | str:
        return origin_links(row.correction)

    @admin.action(description=_("Take into use"), permissions=["annotate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._toggle(request, queryset, enabled=True)

    @admin.action(description=_("Take out of use"), permissions=["annotate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._toggle(request, queryset, enabled=False)

    def _toggle(self, request: HttpRequest, queryset: QuerySet[Any], *, enabled: bool) -> None:
        done = 0
        for row in queryset:
            if not may(request.user, "annotate", team_id=row.team_id):
                continue
            try:
                self.toggle(row, enabled=enabled)
            except ConsoleError as exc:
                self.message_user(request, f"{preview(row.question, length=60)}: {exc}", messages.WARNING)
                continue
            done += 1
        self.message_user(request, ngettext("%(n)s changed.", "%(n)s changed.", done) % {"n": done})

    def toggle(self, row: Any, *, enabled: bool) -> None:
        """The service that switches one row."""
        raise NotImplementedError


@admin.register(Annotation)
class AnnotationAdmin(SearchableAnswerAdmin):
    """Questions that are answered with an approved text."""

    purpose = _("Questions that are answered with an approved text, before any model is asked.")
    empty_text = _("Approve a correction on a review page, or add annotations over the API.")
    list_display = ["question", "answer_preview", "application", "hits", "is_enabled", "source", "last_hit_at"]
    fields = [
        "question",
        "answer",
        "is_enabled",
        "application",
        "origin",
        "hits",
        "created_by",
        "created_at",
        "updated_at",
    ]
    readonly_fields = ["application", "origin", "hits", "created_by", "created_at", "updated_at"]

    @admin.display(description=_("hits"), ordering="hit_count")
    def hits(self, row: Annotation) -> SafeString | str:
        if not row.hit_count:
            return "0"
        address = reverse("admin:annotations_annotationhit_changelist")
        return format_html('<a href="{}?annotation__id__exact={}">{}</a>', address, row.id, row.hit_count)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def toggle(self, row: Annotation, *, enabled: bool) -> None:
        services.toggle_annotation(row, enabled=enabled)

    def save_model(self, request: HttpRequest, obj: Annotation, form: Any, change: bool) -> None:
        """Edits go through the services, which embed a changed question anew."""
        stored = Annotation.objects.get(id=obj.id)
        services.edit_annotation(stored, question=obj.question, answer=obj.answer)
        if stored.is_enabled != obj.is_enabled:
            try:
                services.toggle_annotation(stored, enabled=obj.is_enabled)
            except ConsoleError as exc:
                self.message_user(request, str(exc), messages.ERROR)
