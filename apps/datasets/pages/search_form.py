"""The form of the search test: one question, and one or two ways of asking it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.datasets.services.retrieve import MAX_QUERY_CHARS, METHODS
from apps.datasets.settings_of_dataset import RerankSettings

METHOD_LABELS = {"hybrid": _("Words and vectors"), "semantic": _("Vectors"), "full_text": _("Words")}
_SMALL = {"class": "input input-small"}


class QuestionForm(forms.Form):
    """What is asked."""

    q = forms.CharField(label=_("Query"), max_length=MAX_QUERY_CHARS)
    compare = forms.BooleanField(label=_("Compare with other settings"), required=False)


class SettingsForm(forms.Form):
    """One way of searching; what is left empty is as the dataset's settings say."""

    method = forms.ChoiceField(label=_("Method"), required=False, widget=forms.Select(attrs=_SMALL))
    top_k = forms.IntegerField(
        label=_("Passages"),
        min_value=1,
        max_value=50,
        required=False,
        widget=forms.NumberInput(attrs={**_SMALL, "placeholder": _("as set")}),
    )
    weight = forms.FloatField(
        label=_("Weight of words"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={**_SMALL, "step": "0.1", "placeholder": _("automatic")}),
    )
    fusion = forms.ChoiceField(
        label=_("Fusion"),
        required=False,
        choices=[("", _("as set")), ("weighted", _("weighted sum")), ("rrf", _("reciprocal ranks"))],
        widget=forms.Select(attrs=_SMALL),
    )
    min_score = forms.FloatField(
        label=_("Threshold"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={**_SMALL, "step": "0.05", "placeholder": _("none")}),
    )
    rerank = forms.ChoiceField(label=_("Reranker"), required=False, widget=forms.Select(attrs=_SMALL))

    def __init__(self, *args: Any, rerankers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        methods = [("", _("as set")), *((name, METHOD_LABELS[name]) for name in METHODS)]
        self.fields["method"].choices = methods  # type: ignore[attr-defined]
        choices = [("", _("as set")), ("off", _("nobody")), *((name, name) for name in rerankers)]
        self.fields["rerank"].choices = choices  # type: ignore[attr-defined]

    def options(self) -> dict[str, Any]:
        """What was chosen, as `Search` takes it."""
        given = self.cleaned_data
        rerank: Any = {"": "default", "off": "off"}.get(given["rerank"]) or RerankSettings(model=given["rerank"])
        return {
            "method": given["method"] or None,
            "top_k": given["top_k"],
            "weight": given["weight"],
            "fusion": given["fusion"] or None,
            "min_score": given["min_score"],
            "rerank": rerank,
        }
