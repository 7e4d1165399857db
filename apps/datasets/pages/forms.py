"""Forms of the dataset pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class DatasetForm(forms.Form):
    """What people read about a dataset."""

    name = forms.CharField(label=_("Name"), max_length=200)
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What the documents are about. Shown in lists only."),
    )


class NewDatasetForm(DatasetForm):
    """The same, and what is changed later only by a move."""

    embedding_model = forms.ChoiceField(
        label=_("Embedding model"),
        help_text=_(
            "Turns passages into vectors. The built-in one works offline and compares words, not meanings. "
            "To change it later means to move the dataset: every passage is embedded again."
        ),
    )

    vector_store = forms.ChoiceField(
        label=_("Vector store"),
        required=False,
        help_text=_("Where the vectors are kept. An administrator of the team can move them later."),
    )

    def __init__(self, *args: Any, models: list[str], stores: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vector_store"].choices = [(name, name) for name in stores]  # type: ignore[attr-defined]
        if len(stores) < 2:
            del self.fields["vector_store"]
        choices = [(name, _("hashing (built in)") if name == "hashing" else name) for name in models]
        self.fields["embedding_model"].choices = choices  # type: ignore[attr-defined]
