"""Questions that queues ask, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.team_form import TeamForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import ScoreConfig
from apps.annotations.workbench.answers import Kind


class LinesField(forms.CharField):
    """A list of texts, edited one per line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """The lines as a list without repeats."""
        lines = (line.strip()[:60] for line in (super().clean(value) or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))


class ScoreConfigForm(TeamForm):
    """A question of one team."""

    categories = LinesField(label=_("categories"), help_text=_("One per line, the ones with keys 1 to 9 first."))

    class Meta:
        model = ScoreConfig
        fields = (
            *("name", "description", "kind", "categories"),
            *("minimum", "maximum", "tolerance", "is_archived"),
        )

    def clean(self) -> dict[str, Any]:
        """One question by a name; only categorical ones have categories, only numbers have bounds."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get("kind", self.instance.kind)
        if kind != Kind.CATEGORICAL and "categories" in cleaned:
            cleaned["categories"] = []
        if kind != Kind.NUMERIC and "minimum" in cleaned:
            cleaned.update(minimum=None, maximum=None, tolerance=0.0)
        others = ScoreConfig.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is a question with this name already."))
        return cleaned


@admin.register(ScoreConfig)
class ScoreConfigAdmin(TeamSetUpAdmin):
    """What was answered keeps its meaning: an answered question can be reworded and archived, no more."""

    form = ScoreConfigForm
    names_maker = False
    purpose = _("Questions that reviewers are asked about an answer.")
    empty_text = _("Make a question, then a queue that asks it.")
    list_display = ["name", "kind", "is_archived", "created"]
    list_filter = ["kind", "is_archived"]
    search_fields = ["name"]
    ordering = ["name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("kind", "categories", "minimum", "maximum") if obj is not None and obj.scores.exists() else ()
