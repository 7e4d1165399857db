"""The form of a question that a run asks: its fields as a page shows them, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.workflows import services
from apps.workflows.models import Wait
from apps.workflows.selectors.files import file_value
from apps.workflows.services.files import receive_file, safe_name
from apps.workflows.services.reply import FILES, MOST_CHARS, still_open
from support.errors import InvalidInput, TooLarge

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

    def send(self, wait: Wait, *, action: object, by: str, most_bytes: int | None = None) -> None:
        """Reply with what was filled in. Raises InvalidInput, TooLarge, AlreadyAnswered, and then has kept no file.

        So everything is checked first, and files are taken in only while nobody else can reply.
        """
        files = {_key(field): self._files(field) for field in self.asked if field["type"] in FILES}
        # What somebody has emptied is empty, whatever the default was; but a file cannot be shown as a default.
        cleaned = {_key(field): self.cleaned_data.get(_key(field)) for field in self.asked}
        values = {name: value for name, value in cleaned.items() if value is not None and name not in files}
        reply = services.checked_reply(wait, action=action, values=values, with_files=False)
        _check([one for given in files.values() for one in given], most_bytes)
        with transaction.atomic():
            still_open(wait)
            for field in self.asked:
                if given := files.get(_key(field)):
                    taken = [_received(one, wait) for one in given]
                    reply[_key(field)] = taken if field["type"] == "files" else taken[0]
            services.reply_to(wait, reply, by=by)

    def _files(self, field: Mapping[str, Any]) -> list[Any]:
        given = self.cleaned_data.get(_key(field))
        return list(given) if isinstance(given, (list, tuple)) else [given] if given else []


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


def _check(files: list[Any], most_bytes: int | None) -> None:
    """Refuse what could not be kept, or is more in all than a reply may hold. Raises InvalidInput, TooLarge."""
    sizes = [one.size or 0 for one in files]
    for most, size in ((most_bytes, sum(sizes)), (settings.MAX_UPLOAD_BYTES, max(sizes, default=0))):
        if most is not None and size > most:
            raise TooLarge(_("The files are over the limit of %s MB.") % (most // (1024 * 1024)))
    if not all(safe_name(one.name or "") for one in files):
        raise InvalidInput(_("A file has no name."))


def _received(given: Any, wait: Wait) -> dict[str, Any]:
    """Files belong to whom the run runs for, as what they uploaded themselves."""
    run = wait.run
    return file_value(
        receive_file(
            given.chunks(),
            application=run.application,
            source=run.source,
            end_user=run.end_user,
            name=given.name or "",
            declared_type=given.content_type or "",
        )
    )


def faults(form: QuestionForm) -> str:
    """All that is wrong with what was filled in, field by field."""
    return " ".join(f"{form[name].label}: {' '.join(map(str, why))}" for name, why in form.errors.items())
