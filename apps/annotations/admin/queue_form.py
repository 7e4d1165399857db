"""The form of a queue: its questions and reviewers, and what its feed needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Case, Value, When
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from apps.annotations.admin.ordered_choice import OrderedChoiceField, chosen_first
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.models import ReviewQueue, ScoreConfig
from apps.annotations.selectors.feeds import views_to_choose
from apps.annotations.workbench.answers import Kind
from apps.workflows.selectors.applications import applications_of

Feed = ReviewQueue.Feed
#: Feed -> the options it needs.
NEEDS = {
    Feed.SAMPLE: ("percent",),
    Feed.EXPENSIVE: ("cost",),
    Feed.LOW_SCORES: ("config", "below"),
    Feed.VIEW: ("view",),
}
OPTIONS = ("percent", "cost", "config", "below", "view")


class QueueForm(TeamForm):
    """A queue of one team; the admin says of which."""

    asks = OrderedChoiceField(ScoreConfig.objects.none(), label=_("questions"))
    optional = forms.ModelMultipleChoiceField(
        ScoreConfig.objects.none(),
        label=_("of these, optional"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    percent = forms.FloatField(label=_("sample, %"), required=False, min_value=0.01, max_value=100)
    cost = forms.DecimalField(label=_("cost at least"), required=False, min_value=0, max_digits=12, decimal_places=6)
    config = forms.ModelChoiceField(ScoreConfig.objects.none(), label=_("question of the low score"), required=False)
    below = forms.FloatField(label=_("lower than"), required=False, help_text=_("Yes counts as 1 and no as 0."))
    view = forms.ChoiceField(label=_("saved view"), required=False)

    class Meta:
        model = ReviewQueue
        fields = (
            *("name", "description", "application", "reviewers", "overlap", "is_blind", "is_open"),
            *("feed", "is_continuous"),
        )
        widgets = {"description": forms.Textarea(attrs={"rows": 3}), "reviewers": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        configs = ScoreConfig.objects.filter(team_id=self.team_id)
        asked = list(self.instance.questions.values_list("config_id", "is_required")) if self.instance.team_id else []
        offered = configs.filter(is_archived=False) | configs.filter(
            id__in=[config_id for config_id, _required in asked]
        )
        for name in ("asks", "optional"):
            self._field(name).queryset = offered.order_by(*_in_order([config_id for config_id, _required in asked]))
        self._field("asks").help_text = _help_on_questions(any_there=offered.exists())
        self._field("config").queryset = configs.filter(kind__in=[Kind.NUMERIC, Kind.BOOLEAN])
        self._field("application").queryset = applications_of(self.team_id)
        self._field("application").empty_label = _("All apps")
        self._field("reviewers").queryset = User.objects.filter(memberships__team_id=self.team_id).distinct()
        views = views_to_choose(team_id=self.team_id, user_id=self.user.id) if self.team_id else []
        self._field("view").choices = [("", "–"), *views]
        self.initial.update(self.instance.feed_options)
        self.initial["asks"] = [config_id for config_id, _required in asked]
        self.initial["optional"] = [config_id for config_id, required in asked if not required]

    def _field(self, name: str) -> Any:
        return self.fields.get(name) or forms.ChoiceField()

    def clean(self) -> dict[str, Any]:
        """A feed has what it needs, and names are not given twice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in NEEDS.get(cleaned.get("feed", ""), ()):
            if cleaned.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, _("The chosen feed needs this."))
        others = ReviewQueue.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is a queue with this name already."))
        return cleaned

    def options(self) -> dict[str, Any]:
        """What the feed needs to know, as it is stored."""
        given: dict[str, Any] = {name: self.cleaned_data.get(name) for name in NEEDS.get(self.cleaned_data["feed"], ())}
        if "config" in given:
            given["config"] = str(given["config"].id)
        if "cost" in given:
            given["cost"] = f"{given['cost'].normalize():f}"
        return given


def _in_order(asked: Sequence[UUID]) -> tuple[Any, ...]:
    """What is asked in its order, then what can be answered with a key, then texts."""
    written = When(kind__in=[Kind.TEXT, Kind.CORRECTION], then=Value(1))
    return chosen_first(asked, Case(written, default=Value(0)), "name")


def _help_on_questions(*, any_there: bool) -> SafeString | str:
    if any_there:
        return str(_("Asked from top to bottom. Fixed once somebody answered."))
    address = reverse("admin:annotations_scoreconfig_add")
    return format_html('{} <a href="{}">{}</a>', _("There are no questions yet."), address, _("Make a question"))
