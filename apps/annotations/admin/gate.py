"""Publish gates in the admin, and when somebody published against one."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import GateOverride, GoldenSet, PublishGate
from apps.annotations.selectors.experiments import evaluators_of
from apps.annotations.selectors.gates import gates_of, overrides_of
from apps.annotations.selectors.golden import golden_sets
from apps.annotations.services.gate_standings import standings_before
from apps.annotations.services.gates import move_gate, save_gate
from apps.workflows.selectors.applications import applications_of
from support.errors import ConsoleError


class PublishGateForm(TeamForm):
    """A gate of one team: only its own apps, sets and evaluators can be chosen."""

    class Meta:
        model = PublishGate
        fields = (
            "application",
            "golden_set",
            "set_version",
            "evaluator",
            "figure",
            "threshold",
            "against_live",
            "is_enabled",
        )
        help_texts = {
            "golden_set": _("The newest experiment of a version on this set counts."),
            "set_version": _("Empty: the newest one. It stays when the set changes, until you move it on."),
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
        self.fields["set_version"].required = False
        if self.instance.is_behind:
            self.fields["set_version"].help_text = _(
                "Version %(newest)d is the newest one. Empty this field to have the gate go by it."
            ) % {"newest": self.instance.golden_set.version}
        self._choice("evaluator").queryset = evaluators_of([self.team_id])

    def clean(self) -> dict[str, Any]:
        """A gate asks for something, and there is one for a set and an evaluator."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "golden_set" in self.changed_data and "set_version" not in self.changed_data:
            cleaned["set_version"] = None  # the number was one of the other set
        if (chosen := cleaned.get("golden_set")) is not None:
            self._check_version(chosen, cleaned)
        if cleaned.get("threshold") is None and cleaned.get("against_live") == PublishGate.Against.NONE:
            self.add_error("threshold", _("Give a threshold, or compare with the published version."))
        return cleaned

    def _check_version(self, chosen: GoldenSet, cleaned: dict[str, Any]) -> None:
        """An empty field is the newest version."""
        cleaned["set_version"] = number = cleaned.get("set_version") or chosen.version or None
        if number is None:
            self.add_error("golden_set", _("“%(set)s” has no items yet. Add some first.") % {"set": chosen})
        elif not chosen.versions.filter(number=number).exists():
            self.add_error("set_version", _("There is no such version of the golden set."))

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
    list_display = ["application", "goes_by", "evaluator", "asks", "against_live", "is_enabled"]
    list_filter = [ApplicationFilter, "is_enabled"]
    ordering = ["application__name", "id"]
    actions = ["use_newest"]

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("annotations/experiment.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return gates_of(teams_of(request.user).values_list("id", flat=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A gate that is there says how the versions stand before it."""
        return ("stands",) if obj is not None else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """How they stand comes first."""
        fields = [name for name in super().get_fields(request, obj) if name != "stands"]
        return ["stands", *fields] if obj is not None else fields

    @admin.display(description=_("how versions stand"))
    def stands(self, gate: PublishGate) -> SafeString:
        """The published version and the draft, each with what is in the way."""
        return render_to_string("admin/annotations/experiment/standings.html", {"standings": standings_before(gate)})

    @admin.display(description=_("at least"))
    def asks(self, gate: PublishGate) -> str:
        """The threshold with its figure."""
        if gate.threshold is None:
            return "–"
        words = _("%(n)s on average") if gate.figure == PublishGate.Figure.MEAN else _("%(n)s at the lower end")
        return str(words) % {"n": f"{gate.threshold:g}"}

    @admin.display(description=_("golden set"))
    def goes_by(self, gate: PublishGate) -> str:
        """The version that counts, and whether the set has moved on."""
        if not gate.is_behind:
            return f"{gate.golden_set} v{gate.set_version}"
        facts = {"set": gate.golden_set, "n": gate.set_version, "newest": gate.golden_set.version}
        return _("%(set)s v%(n)d (newest: %(newest)d)") % facts

    @admin.action(description=_("Go by the newest version of the set"), permissions=["change"])
    def use_newest(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """What was added to the sets since counts from now on."""
        user: Any = request.user
        for gate in queryset:
            try:
                move_gate(gate, by=user)
            except ConsoleError as exc:
                self.message_user(request, f"{gate}: {exc}", messages.ERROR)

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
            set_version=given["set_version"],
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
