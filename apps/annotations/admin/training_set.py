"""Fine-tune sets in the admin: the list and the form; versions and files have pages of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.pages import training_set, training_version
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.admin.training_form import TrainingSetForm
from apps.annotations.models import TrainingSet
from apps.annotations.selectors.training import training_sets


@admin.register(TrainingSet)
class TrainingSetAdmin(TeamSetUpAdmin):
    """Who may edit a team sets fine-tune sets up and takes files out; its other members see what there is."""

    form = TrainingSetForm
    is_deletable = True
    page_name = "admin:annotations_training_overview"
    purpose = _("Corrections and good answers as files that models are trained with.")
    empty_text = _("A fine-tune set says which answers to take. Each of its versions keeps its examples as they were.")
    list_display = ["title", "version", "examples", "made", "updated"]
    list_display_links = None
    search_fields = ["name", "description"]
    search_help_text = _("Name or description")
    ordering = ["name"]
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        (_("What to take"), {"fields": ("sources", "applications", "since", "until")}),
        (_("What reviewers must have said"), {"fields": ("queues", "score_config", "score_at_least")}),
        (_("What an example says"), {"fields": ("system", "system_prompt", "context_turns", "with_tools")}),
        (_("What is left out"), {"fields": ("deduplicate", "max_tokens", "personal")}),
        (_("How it is divided"), {"fields": ("validation_percent",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        """The pages of sets, versions and files come before the forms."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "<uuid:set_id>/overview/": ("overview", training_set.overview),
            "<uuid:set_id>/make/": ("make", training_set.make),
            "<uuid:set_id>/versions/<int:number>/": ("version", training_version.version),
            "<uuid:set_id>/versions/<int:number>/stop/": ("stop", training_version.stop),
            "<uuid:set_id>/versions/<int:number>/file/": ("file", training_version.ask),
            "files/<uuid:export_id>/download/": ("download", training_version.download),
            "files/<uuid:export_id>/stop/": ("stop_file", training_version.stop_making),
        }
        own = [
            path(route, site.admin_view(view), name=f"annotations_training_{name}")
            for route, (name, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return training_sets(teams_of(request.user).values_list("id", flat=True))

    @admin.display(description=_("fine-tune set"), ordering="name")
    def title(self, row: TrainingSet) -> SafeString:
        return self.page_link(row)

    @admin.display(description=_("version"))
    def version(self, row: Any) -> str:
        return str(row.latest_number or "–")

    @admin.display(description=_("examples"))
    def examples(self, row: Any) -> str:
        return "–" if row.latest_kept is None else f"{row.latest_kept:,}"

    @admin.display(description=_("made"))
    def made(self, row: Any) -> Any:
        return row.latest_at
