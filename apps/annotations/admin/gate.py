"""Publish gates in the admin, and when somebody published against one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import GateOverride, PublishGate
from apps.annotations.selectors.experiments import evaluators_of
from apps.annotations.selectors.gates import gates_of, overrides_of
from apps.annotations.selectors.golden import golden_sets
from apps.annotations.services.gates import save_gate
from apps.workflows.selectors.applications import applications_of


class PublishGateForm(TeamForm):
    """A gate of one team: only its own apps, sets and evaluators can be chosen."""

    class Meta:
        model = PublishGate
        fields = ("application", "golden_set", "evaluator", "figure", "threshold", "against_live", "is_enabled")
        help_texts = {
            "golden_set": _("The newest experiment of a version on the newest version of this set counts."),
            "figure": _("The lower end asks for enough items as well: with few, it is far below the mean."),
            "threshold": _("Between 0 and 1. Empty: only the comparison counts."),
            "against_live": _("Compared item by item with the published version, by the same evaluator."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.fields or self.team_id is None:
            return
        self._choice("application").queryset = applications_of(self.team_id)
        self._choice("golden_set").queryset = golden_sets([self.team_id])
        self._choice("evaluator").queryset = evaluators_of([self.team_id])

    def clean(self) -> dict[str, Any]:
        """A gate asks for something, and there is one for a set and an evaluator."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("threshold") is None and cleaned.get("against_live") == PublishGate.Against.NONE:
            self.add_error("threshold", _("Give a threshold, or compare with the published version."))
        return cleaned

    def _choice(self, name: str) -> forms.ModelChoiceField:  # type: ignore[type-arg]
        field: Any = self.fields[name]
        return field  # type: ignore[no-any-return]


@admin.register(PublishGate)
class PublishGateAdmin(TeamSetUpAdmin):
    """Members see what a version must have shown; those who manage the team say it."""

    form = PublishGateForm
    right_to_set_up = "manage"
    is_deletable = True
    purpose = _("What a version must have shown on a golden set before it can be published.")
    empty_text = _("Make a gate once a golden set and an evaluator say what a good answer is.")
    list_display = ["application", "golden_set", "evaluator", "asks", "against_live", "is_enabled"]
    list_filter = [ApplicationFilter, "is_enabled"]
    ordering = ["application__name", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return gates_of(teams_of(request.user).values_list("id", flat=True))

    @admin.display(description=_("at least"))
    def asks(self, gate: PublishGate) -> str:
        """The threshold with its figure."""
        if gate.threshold is None:
            return "–"
        return f"{gate.threshold:g} ({gate.get_figure_display()})"

    def save_model(self, request: HttpRequest, obj: PublishGate, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = save_gate(
            app=given["application"].slug,
            golden_set=given["golden_set"],
            evaluator=given["evaluator"],
            threshold=given["threshold"],
            figure=given["figure"],
            against_live=given["against_live"],
            is_enabled=given["is_enabled"],
            by=request.user,  # type: ignore[arg-type]
            gate=obj if change else None,
        )
        obj.pk = saved.pk


@admin.register(GateOverride)
class GateOverrideAdmin(AnnotatorModelAdmin):
    """Read only: who published against a gate, and why."""

    purpose = _("Versions that were published against a gate, with the reasons that managers gave.")
    empty_text = _("Nobody has published against a gate.")
    list_display = ["created", "application", "version", "by", "reason"]
    list_filter = [ApplicationFilter]
    fields = readonly_fields = ("application", "version", "by", "created_at", "reason", "said")
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return overrides_of(teams_of(request.user).values_list("id", flat=True))

    @admin.display(description=_("refused because"))
    def said(self, override: GateOverride) -> SafeString | str:
        """What the gates said, a paragraph each."""
        return format_html_join("", "<p>{}</p>", ((each.get("message", ""),) for each in override.refusals)) or "–"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
