"""The form of an evaluator: its kind, and what that kind needs to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.score_config import LinesField
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.evaluation.samples import SAMPLES
from apps.annotations.evaluation.specs import DEFAULTS, LANGUAGES, BadSetting, checked_config
from apps.annotations.models import Evaluator
from apps.annotations.services.evaluators import refuse_moving_a_gate
from providers.selectors import list_models
from support.errors import NotAllowed

MANY_LABELS = (("all", _("All of them")), ("any", _("At least one")), ("none", _("None of them")))
SETTINGS = (
    *("field", "ignore_case", "ignore_space", "words", "how_many", "pattern", "whole", "schema"),
    *("model", "rubric", "steps", "language", "code", "seconds"),
)
_REASONS = {
    "missing": _("This is needed."),
    "too_long": _("This is too long."),
    "too_many": _("These are too many."),
    "not_words": _("Give words, one a line."),
    "not_a_pattern": _("This is no pattern: %(detail)s"),
    "not_a_schema": _("This is no JSON schema: %(detail)s"),
    "not_an_object": _("Give a JSON object."),
    "no_main": _("The code must define the function main."),
    "out_of_range": _("This lies outside what is allowed (%(detail)s)."),
}


class EvaluatorForm(TeamForm):
    """An evaluator of one team; the admin says of which."""

    field = forms.CharField(
        label=_("output"),
        required=False,
        max_length=200,
        help_text=_("Name of the output that is judged. Empty: the answer."),
    )
    ignore_case = forms.BooleanField(label=_("ignore upper and lower case"), required=False)
    ignore_space = forms.BooleanField(label=_("ignore white space"), required=False, initial=True)
    words = LinesField(label=_("words"), help_text=_("One a line. Empty: the expected answer itself must be in it."))
    how_many = forms.ChoiceField(label=_("of these"), choices=MANY_LABELS, required=False, initial="all")
    pattern = forms.CharField(
        label=_("regular expression"), required=False, widget=forms.TextInput(attrs={"class": "input mono"})
    )
    whole = forms.BooleanField(label=_("the whole answer must match"), required=False)
    schema = forms.CharField(
        label=_("JSON schema"), required=False, widget=forms.Textarea(attrs={"rows": 10, "class": "input mono"})
    )
    model = forms.ChoiceField(label=_("model"), required=False)
    rubric = forms.CharField(
        label=_("rubric"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What makes an answer good, point by point. The judge sees question, expected answer and answer."),
    )
    steps = forms.IntegerField(
        label=_("steps of the scale"),
        required=False,
        initial=2,
        min_value=2,
        max_value=10,
        help_text=_("2: good or not. More steps tell more and agree less."),
    )
    language = forms.ChoiceField(label=_("language"), required=False, choices=[(each, each) for each in LANGUAGES])
    code = forms.CharField(
        label=_("code"),
        required=False,
        strip=False,
        initial=SAMPLES["python3"],
        widget=forms.Textarea(attrs={"rows": 12, "class": "input mono"}),
        help_text=_("Runs in the sandbox. main gives back a score from 0 to 1, or passed."),
    )
    seconds = forms.FloatField(label=_("seconds at most"), required=False, initial=5.0)

    class Meta:
        model = Evaluator
        fields = ("name", "description", "kind", "pass_at", "is_archived")
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        help_texts = {"pass_at": _("An answer passes from this score on; scores go from 0 to 1.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields.get("kind")
        if kind is not None and not self.instance._state.adding:
            # Figures of before would mean something else.
            kind.disabled = True
        models = [each for each in list_models(self.team_id) if each.kind in ("chat", "embedding")]
        known: dict[str, list[Any]] = {
            kind: [(each.name, each.name) for each in models if each.kind == kind] for kind in ("chat", "embedding")
        }
        stored = self.instance.config if isinstance(self.instance.config, Mapping) else {}
        standing = {"default", *(each.name for each in models)}
        gone = [(stored["model"], stored["model"])] if stored.get("model", "default") not in standing else []
        chat = [("default", _("The team's default model")), *known["chat"], *gone]
        choice = self.fields.get("model")
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(_("Models that judge"), chat), (_("Models that embed"), known["embedding"])]
        code = self.fields.get("code")
        if code is not None:
            # Another language begins with its own sample, as long as nobody has written anything.
            code.widget.attrs["data-samples"] = json.dumps(dict(SAMPLES))
        self.initial.update({name: value for name, value in stored.items() if name in SETTINGS})
        if isinstance(stored.get("schema"), Mapping):
            self.initial["schema"] = json.dumps(stored["schema"], indent=2, ensure_ascii=False)

    def clean(self) -> dict[str, Any]:
        """Each kind has what it needs; names are not given twice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        others = Evaluator.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is an evaluator with this name already."))
        kind = cleaned.get("kind") or self.instance.kind
        if kind in DEFAULTS and not self.errors:
            try:
                config = checked_config(kind, self._config(kind, cleaned))
                self._keep_gates(config, pass_at=cleaned["pass_at"])
                self.instance.config = config
            except BadSetting as exc:
                words = _REASONS.get(exc.reason, _("This cannot be used."))
                name = exc.setting if exc.setting in self.fields else None
                self.add_error(name, str(words) % {"detail": exc.detail})
        return cleaned

    def _keep_gates(self, config: Mapping[str, Any], *, pass_at: float) -> None:
        if self.instance._state.adding:
            return
        try:
            refuse_moving_a_gate(self.instance, config=config, pass_at=pass_at, by=self.user)
        except NotAllowed as exc:
            self.add_error(None, str(exc))

    def _config(self, kind: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of the kind. Raises BadSetting."""
        config = {name: cleaned.get(name) for name in DEFAULTS[kind]}
        config = {name: DEFAULTS[kind][name] if value is None else value for name, value in config.items()}
        if "schema" in config:
            try:
                config["schema"] = json.loads(str(config["schema"]) or "{}")
            except (ValueError, RecursionError) as exc:
                raise BadSetting("schema", "not_an_object") from exc
        return config
