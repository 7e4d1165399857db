"""Few-shot examples: approved answers that models are shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.annotations import services
from apps.annotations.admin.searchable import SearchableAnswerAdmin, Writing
from apps.annotations.models import AnswerImport, FewShotExample


@admin.register(FewShotExample)
class FewShotExampleAdmin(SearchableAnswerAdmin):
    """The few-shot store."""

    purpose = _("Approved answers that LLM nodes may show to their model, nearest question first.")
    empty_text = _("Approve a correction on a review page, write one by hand, or import a file.")
    list_display = ["question", "answer_preview", "application", "is_enabled", "source", "created"]
    fields: ClassVar[Any] = ["question", "answer", "is_enabled", "application", "origin", "created_by", "created_at"]
    readonly_fields: ClassVar[Any] = ["application", "origin", "created_by", "created_at"]
    import_target = AnswerImport.Target.EXAMPLES
    writing = Writing(add=services.add_example, toggle=services.toggle_example)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a correction made is changed where it was corrected."""
        if obj is not None and obj.correction_id:
            return ["question", "answer", *self.readonly_fields]
        return super().get_readonly_fields(request, obj)
