"""Few-shot examples: approved answers that models are shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.annotations import services
from apps.annotations.admin.annotation import SearchableAnswerAdmin
from apps.annotations.models import FewShotExample


@admin.register(FewShotExample)
class FewShotExampleAdmin(SearchableAnswerAdmin):
    """The few-shot store."""

    purpose = _("Approved answers that LLM nodes may show to their model, nearest question first.")
    empty_text = _("Approve a correction on a review page: it becomes an example.")
    list_display = ["question", "answer_preview", "application", "is_enabled", "source", "created_at"]
    fields: ClassVar[Any] = ["question", "answer", "is_enabled", "application", "origin", "created_by", "created_at"]
    readonly_fields = fields

    def toggle(self, row: FewShotExample, *, enabled: bool) -> None:
        services.toggle_example(row, enabled=enabled)
