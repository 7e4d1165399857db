"""Experiments in the admin: the list; beginning one and reading one have pages of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.aggregates import Avg
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter
from apps.annotations.admin.experiment_words import points
from apps.annotations.admin.pages import experiment, experiment_acts, experiment_result
from apps.annotations.admin.team_set_up import may_add
from apps.annotations.models import Experiment, ResultScore
from apps.annotations.selectors.experiments import experiments_of

STATUS_ICONS = {"spent": ("warning", "coins")}


@admin.register(Experiment)
class ExperimentAdmin(AnnotatorModelAdmin):
    """Who may edit a team's apps measures them; its other members read what came out."""

    purpose = _("One version of an app, asked everything a golden set holds: how good it is, and how sure that is.")
    empty_text = _("Run one before you publish: it tells whether the new version is better, or only different.")
    list_display = ["title", "application", "measured", "asked", "state", "first_figure", "created"]
    list_display_links = None
    list_filter = ["status", ApplicationFilter]
    search_fields = ["name"]
    search_help_text = _("Name, or # and the number")
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """The pages of experiments come before the forms."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "add/": ("experiment_add", experiment_acts.begin),
            "<uuid:experiment_id>/": ("experiment", experiment.experiment),
            "<uuid:experiment_id>/stop/": ("experiment_stop", experiment_acts.stop),
            "<uuid:experiment_id>/retry/": ("experiment_retry", experiment_acts.retry),
            "<uuid:experiment_id>/delete/": ("experiment_remove", experiment_acts.delete),
            "<uuid:experiment_id>/results.<str:format>": ("experiment_export", experiment_result.export),
            "<uuid:experiment_id>/items/<int:number>/": ("experiment_result", experiment_result.result),
        }
        own = [path(route, site.admin_view(view), name=f"annotations_{name}") for route, (name, view) in pages.items()]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        first = ResultScore.objects.filter(experiment=OuterRef("pk"), place=0).order_by().values("experiment")
        found = experiments_of(teams_of(request.user).values_list("id", flat=True))
        return found.annotate(first_mean=Subquery(first.annotate(mean=Avg("score")).values("mean")))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """`#7` finds what has this number on its golden set."""
        number = search_term.strip().removeprefix("#")
        if search_term.strip().startswith("#") and number.isdecimal() and len(number) < 10:
            return queryset.filter(number=int(number)), False
        return super().get_search_results(request, queryset, search_term)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_add(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """There is no form: what came out is not edited."""
        return redirect("admin:annotations_experiment", object_id)

    @admin.display(description=_("experiment"), ordering="name")
    def title(self, row: Experiment) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:annotations_experiment", args=[row.id]), row)

    @admin.display(description=_("version"))
    def measured(self, row: Any) -> str:
        return str(row.version.number)

    @admin.display(description=_("golden set"))
    def asked(self, row: Any) -> SafeString:
        address = f"{reverse('admin:annotations_golden_set', args=[row.golden_set_id])}?version={row.set_version}"
        return format_html('<a href="{}">{} v{}</a>', address, row.golden_set.name, row.set_version)

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: Experiment) -> SafeString:
        tone, icon = STATUS_ICONS.get(row.status, ("", ""))
        shown = {"status": row.status, "label": row.get_status_display(), "tone": tone, "icon_name": icon}
        return render_to_string("components/pill.html", shown)

    @admin.display(description=_("first evaluator"))
    def first_figure(self, row: Any) -> str:
        if row.first_mean is None or not row.specs:
            return "–"
        return f"{points(row.first_mean)} · {row.specs[0]['name']}"
