"""The form of an online evaluation: what is judged, by what, and what it may take in a day."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.team_form import TeamForm
from apps.annotations.models import OnlineEvaluation
from apps.annotations.selectors.experiments import evaluators_of
from apps.annotations.services.online import KINDS
from apps.workflows.selectors.applications import applications_of

#: Where answers are asked for, as the list of traces calls it.
_SOURCES = (
    ("", _("Anywhere")),
    ("api", _("API")),
    ("console", _("Playground")),
    ("public", _("Chat page")),
    ("trigger", _("Trigger")),
)


class OnlineForm(TeamForm):
    """An online evaluation of one team; the admin says of which."""

    source = forms.ChoiceField(label=_("from"), required=False)
    slower = forms.IntegerField(label=_("that took at least, ms"), required=False, min_value=1)
    cost = forms.DecimalField(label=_("that cost at least"), required=False, min_value=0, decimal_places=6)

    class Meta:
        model = OnlineEvaluation
        fields = (
            *("name", "application", "is_enabled", "sample_percent", "evaluators"),
            *("daily_answers", "daily_tokens", "daily_cost", "currency"),
        )
        widgets = {"evaluators": forms.CheckboxSelectMultiple}
        help_texts = {
            "sample_percent": _("Chance picks; the same answers whenever it is asked."),
            "daily_answers": _("From midnight UTC. Empty: without end."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field("source").choices = _SOURCES
        self._field("application").queryset = applications_of(self.team_id)
        evaluators = self._field("evaluators")
        evaluators.queryset = evaluators_of([self.team_id]).filter(kind__in=KINDS)
        evaluators.help_text = _("Live answers have no expected ones: rules with words of their own, judges and code.")
        self.initial.update(self.instance.filters)

    def clean(self) -> dict[str, Any]:
        """Names are not given twice; what contains words has some."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        others = OnlineEvaluation.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is an online evaluation with this name already."))
        for each in cleaned.get("evaluators") or ():
            if each.kind == "contains" and not each.config.get("words"):
                words = _("“%(name)s” looks for the expected answer, and live answers have none.")
                self.add_error("evaluators", words % {"name": each.name})
        names = ("source", "slower", "cost")
        self.instance.filters = {name: f"{cleaned[name]}" for name in names if cleaned.get(name)}
        return cleaned

    def _field(self, name: str) -> Any:
        return self.fields.get(name) or forms.ChoiceField()
