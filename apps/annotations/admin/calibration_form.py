"""The form of a calibration: which evaluator is held against which question, and what counts as passed there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.annotations.models import Calibration, Evaluator, ScoreConfig
from apps.annotations.selectors.experiments import evaluators_of
from apps.annotations.services.online import KINDS
from apps.annotations.workbench.answers import Kind

#: Questions whose answers can be held against a verdict.
_QUESTIONS = (Kind.BOOLEAN, Kind.CATEGORICAL, Kind.NUMERIC)


class CategoriesWidget(forms.CheckboxSelectMultiple):
    """Checkboxes in the groups of their questions."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return render_to_string("admin/annotations/calibration/categories.html", self.get_context(name, value, attrs))


class CalibrationForm(forms.Form):
    """A calibration of one team.

    What a question needs is asked beside it. Without scripts all of it is shown, each with the question it is for; what
    is for another question than the chosen one counts for nothing.
    """

    evaluator = forms.ModelChoiceField(Evaluator.objects.none(), label=gettext_lazy("Evaluator"), empty_label=None)
    config = forms.ModelChoiceField(
        ScoreConfig.objects.none(),
        label=gettext_lazy("Review question"),
        empty_label=None,
        help_text=gettext_lazy("What people answered in review queues. Decisions count before single answers."),
    )
    categories = forms.MultipleChoiceField(
        label=gettext_lazy("Categories that count as passed"), required=False, widget=CategoriesWidget
    )
    at_least = forms.FloatField(
        label=gettext_lazy("Passed from"),
        required=False,
        help_text=gettext_lazy("For a question for a number: from this number on an answer counts as passed."),
    )

    def __init__(self, *args: Any, team_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        evaluators: Any = self.fields["evaluator"]
        evaluators.queryset = evaluators_of([team_id]).filter(kind__in=KINDS)
        asked = ScoreConfig.objects.filter(team_id=team_id, is_archived=False, kind__in=_QUESTIONS)
        configs: Any = self.fields["config"]
        configs.queryset = asked
        self.questions: QuerySet[ScoreConfig] = asked
        categories: Any = self.fields["categories"]
        categories.choices = [
            (each.name, [(_key(each, place), name) for place, name in enumerate(each.categories)])
            for each in asked
            if each.kind == Kind.CATEGORICAL
        ]

    @property
    def has_choices(self) -> bool:
        """Whether there is something to choose in both lists."""
        fields: Any = self.fields
        return bool(fields["evaluator"].queryset.exists() and self.questions.exists())

    def facts(self) -> dict[str, dict[str, Any]]:
        """What the page has to know of each question, to ask only what it needs."""
        return {str(each.id): {"kind": each.kind, "range": _range(each)} for each in self.questions}

    def asks_for(self, kind: str) -> bool:
        """Whether any question is of this kind."""
        return any(each.kind == kind for each in self.questions)

    @property
    def asks_for_categories(self) -> bool:
        """Whether any question has categories."""
        return self.asks_for(Kind.CATEGORICAL)

    @property
    def asks_for_number(self) -> bool:
        """Whether any question is for a number."""
        return self.asks_for(Kind.NUMERIC)

    def clean(self) -> dict[str, Any]:
        """The chosen question has what it needs."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        config = cleaned.get("config")
        if config is None:
            return cleaned
        if config.kind == Kind.NUMERIC and "at_least" not in self.errors:
            self._check_number(config, cleaned.get("at_least"))
        if config.kind == Kind.CATEGORICAL and not self.passing()["categories"]:
            self.add_error(
                "categories", _("Say which categories of “%(question)s” count as passed.") % {"question": config}
            )
        return cleaned

    def passing(self) -> dict[str, Any]:
        """What counts as passed, for the kind of the question."""
        given = self.cleaned_data
        config = given["config"]
        if config.kind == Kind.CATEGORICAL:
            chosen = set(given.get("categories") or ())
            return {
                "categories": [name for place, name in enumerate(config.categories) if _key(config, place) in chosen]
            }
        return {"at_least": given.get("at_least")} if config.kind == Kind.NUMERIC else {}

    def _check_number(self, config: ScoreConfig, number: float | None) -> None:
        bounds = _range(config)
        if number is None:
            words = _("“%(question)s” is answered with a number: say from which one on an answer counts as passed.")
            self.add_error("at_least", " ".join(filter(None, [words % {"question": config}, bounds])))
        elif not _divides(config, number):
            # From the smallest one on everything would count as passed, above the largest one nothing.
            words = _("This does not divide the answers to “%(question)s”.") % {"question": config}
            self.add_error("at_least", f"{words} {bounds}".strip())


def as_before(calibration: Calibration) -> dict[str, Any]:
    """What the form begins with, to hold the evaluator against the same answers again."""
    config, passing = calibration.config, calibration.passing
    chosen = set(passing.get("categories") or ())
    return {
        "evaluator": calibration.evaluator_id,
        "config": config.id,
        "categories": [_key(config, place) for place, name in enumerate(config.categories) if name in chosen],
        "at_least": passing.get("at_least"),
    }


def passing_in_words(passing: Mapping[str, Any]) -> str:
    """What counted as passed; nothing where the question says it itself."""
    if categories := passing.get("categories"):
        return _("passed: %(categories)s") % {"categories": ", ".join(categories)}
    if (number := passing.get("at_least")) is not None:
        return _("passed from %(number)s") % {"number": _number(number)}
    return ""


def _key(config: ScoreConfig, place: int) -> str:
    return f"{config.id}:{place}"


def _divides(config: ScoreConfig, number: float) -> bool:
    """Whether some answers reach the number and others do not, as far as the question says what they may be."""
    above = config.minimum is None or number > config.minimum
    return above and (config.maximum is None or number <= config.maximum)


def _range(config: ScoreConfig) -> str:
    """Between which numbers an answer can begin to pass, in words."""
    if config.kind != Kind.NUMERIC or config.minimum is None or config.maximum is None:
        return ""
    words = _("Above %(low)s, and %(high)s at most.")
    return words % {"low": _number(config.minimum), "high": _number(config.maximum)}


def _number(value: float) -> str:
    return str(number_format(value, None if value % 1 else 0, use_l10n=True))
