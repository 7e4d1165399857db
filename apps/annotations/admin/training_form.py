"""The form of a fine-tune set: what to take, what to take out, and how it is divided."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.team_form import TeamForm
from apps.annotations.models import ScoreConfig, TrainingSet
from apps.annotations.selectors.queues import queues_of_team
from apps.annotations.workbench.answers import Kind
from apps.workflows.selectors.applications import applications_of

SOURCE_LABELS = (
    ("corrections", _("Approved corrections (with the original as the answer to avoid)")),
    ("liked", _("Answers that people liked and nobody disliked")),
    ("annotations", _("Annotations written by hand")),
)
PERSONAL_LABELS = (
    ("email", _("E-mail addresses")),
    ("phone", _("Phone numbers")),
    ("card", _("Card and account numbers")),
    ("id_number", _("Identity numbers")),
    ("ip", _("IP addresses")),
)


class TrainingSetForm(TeamForm):
    """A fine-tune set of one team; the admin says of which."""

    sources = forms.MultipleChoiceField(label=_("take"), choices=SOURCE_LABELS, widget=forms.CheckboxSelectMultiple)
    applications = forms.MultipleChoiceField(
        label=_("apps"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all apps of the team."),
    )
    queues = forms.MultipleChoiceField(
        label=_("reviewed in"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: also what nobody reviewed."),
    )
    personal = forms.MultipleChoiceField(
        label=_("take out"),
        required=False,
        choices=PERSONAL_LABELS,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Keys, tokens, passwords and what the app's trace policy names are taken out always."),
    )

    class Meta:
        model = TrainingSet
        fields = (
            *("name", "description", "sources", "applications", "since", "until"),
            *("queues", "score_config", "score_at_least"),
            *("system", "system_prompt", "context_turns", "with_tools"),
            *("deduplicate", "validation_percent", "max_tokens", "personal"),
        )
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "system_prompt": forms.Textarea(attrs={"rows": 4}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        apps = applications_of(self.team_id) if self.team_id else []
        field = self.fields.get("applications")
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(str(app.id), app.name) for app in apps]
        queues = self.fields.get("queues")
        if isinstance(queues, forms.MultipleChoiceField):
            queues.choices = [(str(queue.id), queue.name) for queue in queues_of_team(self.team_id)]
        scored = self.fields.get("score_config")
        if isinstance(scored, forms.ModelChoiceField):
            scored.queryset = ScoreConfig.objects.filter(team_id=self.team_id, kind__in=[Kind.NUMERIC, Kind.BOOLEAN])
            scored.empty_label = _("Whatever reviewers said")
        if self.instance._state.adding:
            self.initial.update(sources=["corrections", "liked"], personal=[name for name, _label in PERSONAL_LABELS])

    def clean(self) -> dict[str, Any]:
        """Instructions of one's own have a text, times are in order, and names are not given twice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("system") == TrainingSet.System.OWN and not (cleaned.get("system_prompt") or "").strip():
            self.add_error("system_prompt", _("Write the instructions, or choose other ones."))
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("This is not after the beginning."))
        if cleaned.get("score_config") and cleaned.get("score_at_least") is None:
            self.add_error("score_at_least", _("Say how high the score must be."))
        others = TrainingSet.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is a fine-tune set with this name already."))
        return cleaned
