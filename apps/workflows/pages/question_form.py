"""The form of a question that a run asks: its fields as a page shows them, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.workflows import services
from apps.workflows.models import Wait
from apps.workflows.selectors.files import file_value
from apps.workflows.services.files import receive_file
from apps.workflows.services.reply import MOST_CHARS
from support.errors import TooLarge

MOST_FILES = 20


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files at once."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, (list, tuple)) else [data] if data else []
        if self.required and not given:
            raise ValidationError(self.error_messages["required"], code="required")
        if len(given) > MOST_FILES:
            raise ValidationError(_("No more than %s files.") % MOST_FILES)
        return [super(_FilesField, self).clean(one, initial) for one in given]


class QuestionForm(forms.Form):
    """The fields of a question; they begin with its defaults."""

    def __init__(self, wait: Wait, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.asked = wait.asks.get("fields", [])
        defaults = wait.asks.get("defaults", {})
        for field in self.asked:
            self.fields[_key(field)] = _field(field, defaults.get(field["name"]))

    def reply(self, wait: Wait, *, action: object, most_bytes: int | None = None) -> dict[str, Any]:
        """What was filled in, as a reply; files are taken in for the run. Raises InvalidInput, TooLarge."""
        values: dict[str, Any] = {}
        for field in self.asked:
            value = self.cleaned_data.get(_key(field))
            if field["type"] == "file":
                value = _received([value], wait, most_bytes)[0] if value else None
            elif field["type"] == "files":
                value = _received(value, wait, most_bytes) if value else None
            # What somebody has emptied is empty, whatever the default was; but a file cannot be shown as a default.
            if value is not None:
                values[field["name"]] = value
        return services.checked_reply(wait, action=action, values=values)


def prefix_of(wait: Wait) -> str:
    """Keeps the fields of several questions on one page apart."""
    return f"q{wait.id.hex[-8:]}"


def question_form(request: HttpRequest, wait: Wait) -> QuestionForm:
    """The form as it was sent, or as it begins."""
    prefix = prefix_of(wait)
    if request.method == "POST":
        return QuestionForm(wait, request.POST, request.FILES, prefix=prefix)
    return QuestionForm(wait, prefix=prefix)


def _key(field: Mapping[str, Any]) -> str:
    return str(field["name"])


def _field(field: Mapping[str, Any], default: Any) -> forms.Field:
    shown = {"label": field.get("label") or field["name"], "required": bool(field.get("required"))}
    match field["type"]:
        case "paragraph":
            return forms.CharField(
                widget=forms.Textarea(attrs={"rows": 4}), max_length=MOST_CHARS, initial=_text(default), **shown
            )
        case "select":
            options = [(option, option) for option in field.get("options", [])]
            choices = options if shown["required"] and default in field.get("options", []) else [("", "–"), *options]
            return forms.ChoiceField(choices=choices, initial=_text(default), **shown)
        case "number":
            return forms.FloatField(initial=default, widget=forms.NumberInput(attrs={"step": "any"}), **shown)
        case "boolean":
            # A box that must be ticked asks for consent; `false` is an answer otherwise.
            return forms.BooleanField(initial=default in (True, "true", "True"), **shown)
        case "file":
            return forms.FileField(**shown)
        case "files":
            return _FilesField(widget=_Files(attrs={"multiple": True}), **shown)
        case _:
            return forms.CharField(max_length=MOST_CHARS, initial=_text(default), **shown)


def _text(default: Any) -> Any:
    return "" if default is None else default


def _received(given: list[Any], wait: Wait, most_bytes: int | None) -> list[dict[str, Any]]:
    """Files belong to whom the run runs for, as what they uploaded themselves."""
    run = wait.run
    if most_bytes is not None and sum(one.size or 0 for one in given) > most_bytes:
        raise TooLarge(_("The files are over the limit of %s MB.") % (most_bytes // (1024 * 1024)))
    return [
        file_value(
            receive_file(
                one.chunks(),
                application=run.application,
                source=run.source,
                end_user=run.end_user,
                name=one.name or "",
                declared_type=one.content_type or "",
            )
        )
        for one in given
    ]


def faults(form: QuestionForm) -> str:
    """All that is wrong with what was filled in, field by field."""
    return " ".join(f"{form[name].label}: {' '.join(map(str, why))}" for name, why in form.errors.items())
