"""The form of how documents are cut and cleaned, as people see it: for the settings and for the preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.datasets.pages.cleaning_rules import read_rules, written_rules
from apps.datasets.settings_of_dataset import PARENT_SIZES, SIZES, checked_settings, read_settings
from support.errors import InvalidInput

MODES = {
    "general": _("Passages"),
    "parent_child": _("Small passages that bring their section along"),
    "qa": _("Questions and answers"),
}
PARENTS = {"section": _("Its section"), "paragraph": _("Its paragraph"), "document": _("The whole document")}
UNITS = {"characters": _("characters"), "tokens": _("tokens")}


_PASSAGES = ("general", "parent_child")
#: Which fields belong together, and the ways of cutting that know them; none means all.
PARTS: tuple[tuple[Any, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", (), ("mode",)),
    ("", _PASSAGES, ("size", "unit", "overlap")),
    ("", ("parent_child",), ("parent_mode", "parent_size")),
    ("", ("qa",), ("question", "answer", "model")),
    ("", _PASSAGES, ("separators",)),
    (_("Cleaning"), (), ("spaces", "urls_emails", "tables", "rules")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Fields that are shown together, in certain modes only."""

    title: Any
    modes: str
    fields: tuple[forms.BoundField, ...]


class ChunkingForm(forms.Form):
    """Reads and writes the parts `chunking` and `cleaning` of a dataset's settings."""

    mode = forms.ChoiceField(label=_("Cut into"), choices=list(MODES.items()))
    size = forms.IntegerField(
        label=_("Size"),
        min_value=SIZES[0],
        max_value=SIZES[1],
        help_text=_("Of what is embedded and searched. Never more than the embedding model reads."),
    )
    unit = forms.ChoiceField(label=_("Counted in"), choices=list(UNITS.items()))
    overlap = forms.IntegerField(
        label=_("Overlap"), min_value=0, help_text=_("Characters that a passage repeats of the one before.")
    )
    parent_mode = forms.ChoiceField(
        label=_("What a small passage brings along"),
        choices=list(PARENTS.items()),
        help_text=_("The small passages are found; this is what the model reads."),
    )
    parent_size = forms.IntegerField(
        label=_("Size of a section or paragraph"), min_value=PARENT_SIZES[0], max_value=PARENT_SIZES[1]
    )
    question = forms.CharField(
        label=_("Column of the questions"),
        required=False,
        max_length=200,
        help_text=_("Of a table (CSV, Excel). Empty: the column that is called so, else the first."),
    )
    answer = forms.CharField(label=_("Column of the answers"), required=False, max_length=200)
    model = forms.ChoiceField(
        label=_("Model that writes questions"),
        required=False,
        help_text=_("For documents that are no table. It is called for each passage."),
    )
    separators = forms.CharField(
        label=_("Cut always at"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One separator per line, for example ---. The text is cut after each."),
    )
    spaces = forms.BooleanField(label=_("Collapse blanks"), required=False)
    urls_emails = forms.BooleanField(label=_("Remove web and e-mail addresses"), required=False)
    tables = forms.BooleanField(
        label=_("Read ruled tables of PDF files"), required=False, help_text=_("Slow: a few pages a second.")
    )

    rules = forms.CharField(
        label=_("Own cleaning rules"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "One per line: a regular expression, => and what replaces it. "
            "Without => the matches are removed. Example: ^Confidential.*$ => "
        ),
    )

    def __init__(self, *args: Any, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = (kwargs.get("initial") or {}).get("model", "")
        names = dict.fromkeys(name for name in (stored, *models) if name)
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            ("", _("the team's default model")),
            *((name, name) for name in names),
        ]

    @classmethod
    def of(cls, settings: Mapping[str, Any], data: Any = None, **options: Any) -> ChunkingForm:
        """The form over stored settings; bound when there is data."""
        stored = read_settings(settings)
        chunking, cleaning = stored.chunking, stored.cleaning
        initial = {
            "mode": chunking.mode,
            "size": chunking.size,
            "unit": chunking.unit,
            "overlap": chunking.overlap,
            "parent_mode": chunking.parent.mode,
            "parent_size": chunking.parent.size,
            "question": chunking.pairs.question,
            "answer": chunking.pairs.answer,
            "model": chunking.pairs.model,
            "separators": "\n".join(chunking.separators),
            "spaces": cleaning.spaces,
            "urls_emails": cleaning.urls_emails,
            "tables": cleaning.tables,
            "rules": written_rules(cleaning.rules),
        }
        form = cls(data, initial=initial, **options)
        form.stored = settings
        return form

    stored: Mapping[str, Any]

    def parts(self) -> list[Part]:
        """The fields in the groups in which they are shown."""
        return [
            Part(title=title, modes=" ".join(modes), fields=tuple(self[name] for name in names))
            for title, modes, names in PARTS
        ]

    def clean(self) -> dict[str, Any]:
        """Let the one validator decide."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            self.settings = self._settings(values)
        except InvalidInput as exc:
            raise ValidationError(exc.message) from exc
        return values

    def _settings(self, values: dict[str, Any]) -> dict[str, Any]:
        cleaning = {each: values[each] for each in ("spaces", "urls_emails", "tables")}
        return checked_settings(
            {
                **{part: value for part, value in self.stored.items() if part != "chunk"},
                "chunking": {
                    "mode": values["mode"],
                    "size": values["size"],
                    "unit": values["unit"],
                    "overlap": values["overlap"],
                    "parent": {"mode": values["parent_mode"], "size": values["parent_size"]},
                    "pairs": {each: values[each] for each in ("question", "answer", "model")},
                    "separators": [line.strip() for line in values["separators"].splitlines() if line.strip()],
                },
                "cleaning": cleaning | {"rules": read_rules(values["rules"])},
            }
        )


class PreviewForm(ChunkingForm):
    """The same for one document, and for what else it is meant."""

    scope = forms.ChoiceField(label=_("Use these settings for"), widget=forms.RadioSelect, initial="document")

    def __init__(self, *args: Any, others: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        waiting = ngettext(
            "this document and %(number)s other that waits",
            "this document and %(number)s others that wait",
            others,
        ) % {"number": others}
        choices = [("document", _("this document")), *([("waiting", waiting)] if others else [])]
        self.fields["scope"].choices = [  # type: ignore[attr-defined]
            *choices,
            ("dataset", _("the whole dataset; what is indexed stays as it is")),
        ]
