"""Forms of golden sets: the set itself, one of its items, and a file of them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.named_values import NamedValuesField, parse_value, written
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.golden.item import BadItem, NewItem, checked, clean_tags
from apps.annotations.golden.reading import MOST_BYTES
from apps.annotations.models import GoldenItem, GoldenSet
from apps.annotations.services.golden_items import SameQuestion, fault_in_words
from apps.workflows.selectors.applications import applications_of

KINDS = (("text", _("Text")), ("json", _("JSON")))
SAME_LABELS = (
    (SameQuestion.REPLACE, _("Put the file's answer in its place")),
    (SameQuestion.SKIP, _("Keep the answer that is there")),
    (SameQuestion.ADD, _("Keep both as items of their own")),
)
#: The same where items are picked in lists: there what people made of an item comes first.
KEPT_LABELS = (
    (SameQuestion.SKIP, _("Keep the answer that is there")),
    (SameQuestion.REPLACE, _("Put the picked answer in its place")),
    (SameQuestion.ADD, _("Keep both as items of their own")),
)


class GoldenSetForm(TeamForm):
    """A golden set of one team; the admin says of which."""

    class Meta:
        model = GoldenSet
        fields = ("name", "description", "application")
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        help_texts = {"application": _("Its input fields are offered when items are written. None: for any app.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("application")
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = applications_of(self.team_id)
            field.empty_label = str(_("Any app"))

    def clean(self) -> dict[str, Any]:
        """Names are not given twice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        others = GoldenSet.objects.filter(team_id=self.team_id, name=cleaned.get("name"))
        if others.exclude(id=self.instance.id).exists():
            self.add_error("name", _("There is a golden set with this name already."))
        return cleaned


class GoldenItemForm(forms.Form):
    """What is asked, what is expected, and what one should know about it."""

    question = forms.CharField(
        label=_("Question"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    inputs = NamedValuesField(label=_("Inputs"), help_text=_("Values of the app's input fields, if it has any."))
    expected_kind = forms.ChoiceField(label=_("Expected as"), choices=KINDS, widget=forms.RadioSelect)
    expected = forms.CharField(
        label=_("Expected answer"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("Empty: nothing in particular is expected. Judges and code can do without."),
    )
    tags = forms.CharField(
        label=_("Tags"), required=False, help_text=_("Separated by commas. Results can be filtered.")
    )
    metadata = NamedValuesField(label=_("Notes"), help_text=_("For those who read results, and for judging code."))

    def __init__(self, *args: Any, input_names: list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["inputs"].widget.offered = list(input_names or [])

    @staticmethod
    def initial_of(item: GoldenItem | NewItem) -> dict[str, Any]:
        """What the form shows of an item."""
        kind, text = written(item.expected)
        return {
            "question": item.question,
            "inputs": dict(item.inputs),
            "expected_kind": kind,
            "expected": text,
            "tags": ", ".join(item.tags),
            "metadata": dict(item.metadata),
        }

    def clean(self) -> dict[str, Any]:
        """Faults stand beside the part they are in."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            text = cleaned["expected"]
            cleaned["expected"] = parse_value(cleaned["expected_kind"], text) if text.strip() else None
        except forms.ValidationError as exc:
            self.add_error("expected", exc)
            return cleaned
        try:
            checked(self.item())
        except BadItem as exc:
            self.add_error(exc.part if exc.part in self.fields else None, fault_in_words(exc))
        return cleaned

    def item(self) -> NewItem:
        """What was written. Raises BadItem."""
        given = self.cleaned_data
        return NewItem(
            question=given["question"],
            inputs=given["inputs"],
            expected=given["expected"],
            metadata=given["metadata"],
            tags=clean_tags(given["tags"].split(",")),
        )


class GoldenFileForm(forms.Form):
    """A file of items, and what becomes of those that ask what is asked already."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV or JSONL in UTF-8, up to 20 MB and 20,000 items."),
        widget=forms.FileInput(attrs={"accept": ".csv,.jsonl,.ndjson,text/csv,application/x-ndjson"}),
    )
    same_question = forms.ChoiceField(
        label=_("Questions that are there already, with another answer"),
        choices=SAME_LABELS,
        initial=SameQuestion.REPLACE,
        widget=forms.RadioSelect,
    )
    leave_out_bad = forms.BooleanField(
        label=_("Leave out lines that are wrong"),
        required=False,
        help_text=_("Otherwise nothing is taken in while a line is wrong."),
    )

    def clean_file(self) -> Any:
        """The name says what it is."""
        file = self.cleaned_data["file"]
        if PurePath(file.name).suffix.lower() not in (".csv", ".jsonl", ".ndjson", ".txt"):
            raise forms.ValidationError(_("Choose a CSV or JSONL file."))
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 20 MB."))
        return file

    @property
    def is_csv(self) -> bool:
        """Whether the file is a table."""
        return PurePath(self.cleaned_data["file"].name).suffix.lower() == ".csv"
