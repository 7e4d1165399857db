"""Preference pairs: the better and the worse answer to a question, for fine-tuning."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter, origin_links, preview, two_lines
from apps.annotations.models import PreferencePair
from support.word_diff import diff_words


@admin.register(PreferencePair)
class PreferencePairAdmin(AnnotatorModelAdmin):
    """Read only: a pair comes and goes with its correction."""

    purpose = _("For each approved correction the answer that was wanted and the one that was given.")
    empty_text = _("Approve a correction: fine-tune sets then have a pair to learn from.")
    list_display = ["asked", "better", "worse", "application", "is_enabled", "created"]
    list_filter = ["is_enabled", ApplicationFilter]
    search_fields = ["question", "chosen", "rejected"]
    search_help_text = _("Question or either answer")
    list_display_links = None
    ordering = ["-id"]
    fields: ClassVar[Any] = ["question", "difference", "is_enabled", "application", "source", "created_at"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application", "correction__queue_item")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("question"))
    def asked(self, row: PreferencePair) -> SafeString:
        address = reverse("admin:annotations_preferencepair_change", args=[row.id])
        return format_html('<a class="clamp-2" href="{}">{}</a>', address, preview(row.question, length=90))

    @admin.display(description=_("better answer"))
    def better(self, row: PreferencePair) -> SafeString:
        return two_lines(row.chosen)

    @admin.display(description=_("worse answer"))
    def worse(self, row: PreferencePair) -> SafeString:
        return two_lines(row.rejected)

    @admin.display(description=_("better than what was said"))
    def difference(self, row: PreferencePair) -> str:
        return render_to_string("admin/annotations/word_diff.html", {"pieces": diff_words(row.rejected, row.chosen)})

    @admin.display(description=_("source"))
    def source(self, row: PreferencePair) -> SafeString | str:
        return origin_links(row.correction)
