"""The form of the search test: one question, and one or two ways of asking it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.datasets.models import Dataset
from apps.datasets.services.retrieve import MAX_QUERY_CHARS, METHODS
from apps.datasets.settings_of_dataset import RerankSettings, RetrievalSettings, read_settings

METHOD_LABELS = {"hybrid": _("Words and vectors"), "semantic": _("Vectors"), "full_text": _("Words")}
FUSIONS = {"weighted": _("weighted sum"), "rrf": _("reciprocal ranks")}
_SMALL = {"class": "input input-small"}


class QuestionForm(forms.Form):
    """What is asked."""

    q = forms.CharField(label=_("Query"), max_length=MAX_QUERY_CHARS)
    compare = forms.BooleanField(label=_("Compare with other settings"), required=False)


class SettingsForm(forms.Form):
    """One way of searching; what is left empty is as the dataset's settings say, which stand where it is empty."""

    method = forms.ChoiceField(label=_("Search by"), required=False, widget=forms.Select(attrs=_SMALL))
    top_k = forms.IntegerField(
        label=_("Passages"), min_value=1, max_value=50, required=False, widget=forms.NumberInput(attrs=_SMALL)
    )
    weight = forms.FloatField(
        label=_("Weight of words"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={**_SMALL, "step": "0.1"}),
    )
    fusion = forms.ChoiceField(label=_("Put together by"), required=False, widget=forms.Select(attrs=_SMALL))
    min_score = forms.FloatField(
        label=_("Threshold"),
        min_value=0,
        required=False,
        widget=forms.NumberInput(attrs={**_SMALL, "step": "0.05"}),
    )
    rerank = forms.ChoiceField(label=_("Reranker"), required=False, widget=forms.Select(attrs=_SMALL))

    def __init__(self, *args: Any, dataset: Dataset, rerankers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = read_settings(dataset.settings).retrieval
        reranker = chosen.rerank.model if chosen.rerank else gettext("nobody")
        self._choose("method", METHOD_LABELS[chosen.method], [(name, METHOD_LABELS[name]) for name in METHODS])
        self._choose("fusion", FUSIONS[chosen.fusion], list(FUSIONS.items()))
        self._choose("rerank", reranker, [("off", _("nobody")), *((name, name) for name in rerankers)])
        for name, text in _placeholders(chosen).items():
            self.fields[name].widget.attrs["placeholder"] = text
        refuse_above_one(self.fields["min_score"], dataset)
        if dataset.kind == Dataset.Kind.EXTERNAL:
            # The other program searches as it likes.
            self.fields = {name: self.fields[name] for name in ("top_k", "min_score")}

    def _choose(self, name: str, stored: Any, choices: list[tuple[str, Any]]) -> None:
        as_set = _("as set: %(choice)s") % {"choice": stored}
        self.fields[name].choices = [("", as_set), *choices]  # type: ignore[attr-defined]

    def has_choice(self) -> bool:
        """Whether anything differs from the dataset's settings, so that it could be kept."""
        return any(value not in (None, "") for value in self.cleaned_data.values())

    def options(self) -> dict[str, Any]:
        """What was chosen, as `Search` takes it."""
        given = self.cleaned_data
        reranker = given.get("rerank", "")
        rerank: Any = {"": "default", "off": "off"}.get(reranker) or RerankSettings(model=reranker)
        return {
            "method": given.get("method") or None,
            "top_k": given["top_k"],
            "weight": given.get("weight"),
            "fusion": given.get("fusion") or None,
            "min_score": given["min_score"],
            "rerank": rerank,
        }


def refuse_above_one(threshold: forms.Field, dataset: Dataset) -> None:
    """Similarities end at 1; what another program calls a score may be any number."""
    if dataset.kind == Dataset.Kind.OWN:
        threshold.validators.append(MaxValueValidator(1))
        threshold.widget.attrs["max"] = 1


def _placeholders(chosen: RetrievalSettings) -> dict[str, str]:
    """What stands in an empty input: the value that is then used."""
    weight, threshold = chosen.lexical_weight, chosen.min_score
    return {
        "top_k": str(chosen.top_k),
        "weight": gettext("automatic") if weight is None else f"{weight:g}",
        "min_score": gettext("none") if threshold is None else f"{threshold:g}",
    }
