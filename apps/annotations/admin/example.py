"""Few-shot examples: approved answers that models are shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations import services
from apps.annotations.admin.access import ApplicationFilter
from apps.annotations.admin.searchable import SearchableAnswerAdmin, Writing
from apps.annotations.models import AnswerImport, FewShotExample
from apps.workflows.selectors.examples import apps_showing_examples
from apps.workflows.selectors.messages import as_uuid

#: Of which the list says who shows their examples.
MOST_APPS = 20


@admin.register(FewShotExample)
class FewShotExampleAdmin(SearchableAnswerAdmin):
    """The few-shot store."""

    purpose = _("Approved answers that LLM nodes may show to their model, nearest question first.")
    empty_text = _(
        "Approve a correction on a review page, write one by hand, or import a file. "
        "An llm node shows them once its app's document says so: “Insert: examples from corrections”."
    )
    list_display = ["question", "answer_preview", "application", "is_enabled", "source", "created"]
    fields: ClassVar[Any] = [
        "question",
        "answer",
        "is_enabled",
        "approval",
        "application",
        "origin",
        "created_by",
        "created_at",
    ]
    readonly_fields: ClassVar[Any] = ["approval", "application", "origin", "created_by", "created_at"]
    change_list_template = "admin/annotations/examples_list.html"
    import_target = AnswerImport.Target.EXAMPLES
    writing = Writing(add=services.add_example, toggle=services.toggle_example)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and above it which nodes show what is in it."""
        teams = list(teams_of(request.user).values_list("id", flat=True))
        apps = FewShotExample.objects.filter(team_id__in=teams).order_by("application_id")
        ids = list(apps.values_list("application_id", flat=True).distinct()[:MOST_APPS])
        chosen = as_uuid(request.GET.get(ApplicationFilter.parameter_name, ""))
        ids = [each for each in ids if chosen in (None, each)]
        shown_by = apps_showing_examples(ids, team_ids=teams)
        return super().changelist_view(request, {"shown_by": shown_by, **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a correction made is changed where it was corrected."""
        if obj is not None and obj.correction_id:
            return ["question", "answer", *self.readonly_fields]
        return super().get_readonly_fields(request, obj)
