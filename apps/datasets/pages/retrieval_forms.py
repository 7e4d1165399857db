"""The form of how a dataset is searched unless somebody says otherwise, and keeping what the search test tried."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.datasets.models import Dataset
from apps.datasets.pages.search_form import FUSIONS, METHOD_LABELS, SettingsForm, refuse_above_one
from apps.datasets.services.retrieve import METHODS
from apps.datasets.settings_of_dataset import as_stored, checked_settings, read_settings
from support.errors import InvalidInput

#: What can be set where another program searches.
OF_EXTERNAL = ("top_k", "min_score")


class RetrievalForm(forms.Form):
    """Reads and writes the part `retrieval` of a dataset's settings."""

    method = forms.ChoiceField(label=_("Search by"), choices=[(name, METHOD_LABELS[name]) for name in METHODS])
    top_k = forms.IntegerField(
        label=_("Passages"), min_value=1, max_value=50, help_text=_("How many an app gets for a question.")
    )
    weight = forms.FloatField(
        label=_("Weight of words"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.1", "placeholder": _("automatic")}),
        help_text=_("From 0 to 1; the vectors weigh the rest. Empty: by what the embedding model is worth."),
    )
    fusion = forms.ChoiceField(
        label=_("Put together by"),
        choices=list(FUSIONS.items()),
        help_text=_("Ranks trust words and vectors alike, so the weight is not used."),
    )
    min_score = forms.FloatField(
        label=_("Threshold"),
        min_value=0,
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.05", "placeholder": _("none")}),
        help_text=_("Leaves out passages that are less similar: by the reranker's score, else by the vectors."),
    )
    rerank = forms.ChoiceField(
        label=_("Reranker"),
        required=False,
        help_text=_("A model that reads the question beside each candidate and orders them anew."),
    )

    settings: dict[str, Any]
    """What to store, once the form is valid."""

    def __init__(self, data: Any = None, *, dataset: Dataset, rerankers: list[str]) -> None:
        self._dataset = dataset
        chosen = read_settings(dataset.settings).retrieval
        model = chosen.rerank.model if chosen.rerank else ""
        initial = {
            "method": chosen.method,
            "top_k": chosen.top_k,
            "weight": chosen.lexical_weight,
            "fusion": chosen.fusion,
            "min_score": chosen.min_score,
            "rerank": model,
        }
        super().__init__(data, initial=initial)
        known = [name for name in (model, *rerankers) if name]
        self.fields["rerank"].choices = [  # type: ignore[attr-defined]
            ("", _("nobody")),
            *((name, name) for name in dict.fromkeys(known)),
        ]
        refuse_above_one(self.fields["min_score"], dataset)
        if dataset.kind == Dataset.Kind.EXTERNAL:
            self.fields = {name: self.fields[name] for name in OF_EXTERNAL}
            self.fields["min_score"].help_text = _("Leaves out records that the other program scores lower.")

    def clean(self) -> dict[str, Any]:
        """Let the one validator decide."""
        values = super().clean() or {}
        if not self.errors:
            try:
                self.settings = merged(self._dataset, values)
            except InvalidInput as exc:
                raise ValidationError(exc.message) from exc
        return values


def kept_settings(dataset: Dataset, tried: SettingsForm) -> dict[str, Any]:
    """The dataset's settings with what a valid search test chose; what it left empty stays. Raises InvalidInput."""
    chosen = {name: value for name, value in tried.cleaned_data.items() if value not in (None, "")}
    if chosen.get("rerank") == "off":
        chosen["rerank"] = ""
    return merged(dataset, chosen)


def merged(dataset: Dataset, chosen: dict[str, Any]) -> dict[str, Any]:
    """All settings of a dataset with these about its search. Raises InvalidInput."""
    retrieval = as_stored(read_settings(dataset.settings))["retrieval"]
    retrieval |= {name: chosen[name] for name in ("method", "top_k", "fusion", "min_score") if name in chosen}
    if "weight" in chosen:
        retrieval["weights"] = None if chosen["weight"] is None else {"lexical": chosen["weight"]}
    if "rerank" in chosen:
        before = retrieval["rerank"] or {}
        same = before.get("model") == chosen["rerank"]  # keeps the time it is waited for
        retrieval["rerank"] = (before if same else {"model": chosen["rerank"]}) if chosen["rerank"] else None
    return checked_settings({**dataset.settings, "retrieval": retrieval})
