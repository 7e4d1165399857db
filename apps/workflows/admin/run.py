"""Runs: what was executed, how it ended, and the way to its trace."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.workflows.admin.columns import link, pill_column
from apps.workflows.models import Run
from apps.workflows.selectors.concealing import secrets_of_run
from support.admin import ReadOnlyModelAdmin


@admin.register(Run)
class RunAdmin(ReadOnlyModelAdmin):
    list_display = (
        "what",
        pill_column(),
        "application",
        "source",
        "end_user",
        "steps",
        "total_tokens",
        "seconds",
        "started_at",
        "trace",
    )
    list_filter = ("status", "source", "application")
    list_select_related = ("application",)
    search_fields = ("=id", "=end_user", "query")
    search_help_text = _("A run's id, an end user, or words of the question.")
    date_hierarchy = "started_at"
    fieldsets = (
        (None, {"fields": ("application", "version", "conversation", "source", "end_user", "query")}),
        (_("Outcome"), {"fields": ("status", "failure", "seconds", "steps", "total_tokens", "trace")}),
        (_("Values"), {"fields": ("shown_inputs", "shown_outputs", "shown_variables")}),
        (_("Times"), {"fields": ("started_at", "finished_at", "stop_requested_at")}),
    )
    readonly_fields = ("failure", "seconds", "trace", "shown_inputs", "shown_outputs", "shown_variables")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        is_list = request.resolver_match is not None and request.resolver_match.url_name == "workflows_run_changelist"
        return queryset.defer("inputs", "outputs", "variables", "error") if is_list else queryset

    @admin.display(description=_("run"), ordering="-id")
    def what(self, run: Run) -> str:
        return run.query[:80] or str(run.id)

    @admin.display(description=_("duration"), ordering="elapsed")
    def seconds(self, run: Run) -> str:
        return "—" if run.elapsed is None else f"{run.elapsed:.2f} s"

    @admin.display(description=_("trace"))
    def trace(self, run: Run) -> SafeString | str:
        return link(_("Open"), "admin:traces_trace_change", run.id)

    @admin.display(description=_("error"))
    def failure(self, run: Run) -> str:
        return f"{run.error['message']} ({run.error['code']})" if run.error else "—"

    @admin.display(description=_("inputs"))
    def shown_inputs(self, run: Run) -> SafeString:
        return _tree(run, run.inputs)

    @admin.display(description=_("outputs"))
    def shown_outputs(self, run: Run) -> SafeString:
        return _tree(run, run.outputs)

    @admin.display(description=_("variables"))
    def shown_variables(self, run: Run) -> SafeString:
        return _tree(run, run.variables)


def _tree(run: Run, value: object) -> SafeString:
    shown = secrets_of_run(run.id).hide_in(value)
    return render_to_string("components/json_tree.html", {"value": shown})
