"""A form field for names with values: a row each, a value being a text or JSON."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

#: Empty rows that a form offers.
SPARE = 1
MOST_ROWS = 100


class NamedValuesWidget(forms.Widget):
    """Rows of a name, whether the value is a text or JSON, and the value."""

    def __init__(self) -> None:
        super().__init__()
        #: Rows that are offered empty, because the app asks for them.
        self.offered: list[str] = []

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[tuple[str, str, str]]:
        """The rows as they were sent."""
        lists = [data.getlist(f"{name}-{part}")[:MOST_ROWS] for part in ("name", "kind", "value")]
        return list(zip(*lists, strict=False))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-name" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        rows = value if isinstance(value, list) else rows_of(value or {})
        known = {row[0] for row in rows}
        rows = [*rows, *((each, "text", "") for each in self.offered if each not in known)]
        context = {
            "name": name,
            "id": (attrs or {}).get("id", name),
            "rows": [*rows, *[("", "text", "")] * (0 if self.offered and rows else SPARE)],
        }
        return render_to_string("admin/annotations/golden/named_values.html", context)


class NamedValuesField(forms.Field):
    """An object of names and values. Rows without a name and a value are left out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=NamedValuesWidget(), **kwargs)

    def clean(self, value: Any) -> dict[str, Any]:
        """The object. Raises ValidationError that names the row."""
        found: dict[str, Any] = {}
        for name, kind, text in value or ():
            name = name.strip()
            if not text.strip():
                continue
            if not name:
                raise forms.ValidationError(_("A value has no name."))
            if name in found:
                raise forms.ValidationError(_("“%(name)s” is there twice.") % {"name": name})
            found[name] = parse_value(kind, text, name=name)
        return found


def parse_value(kind: str, text: str, *, name: str = "") -> Any:
    """The value that was written. Raises ValidationError where it should be JSON and is not."""
    if kind != "json":
        return text.replace("\r\n", "\n")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        words = _("“%(name)s” is not valid JSON.") % {"name": name} if name else _("This is not valid JSON.")
        raise forms.ValidationError(words) from exc


def written(value: Any) -> tuple[str, str]:
    """How a value is written in a form: its kind, and its text."""
    if value is None:
        return "text", ""
    return ("text", value) if isinstance(value, str) else ("json", json.dumps(value, ensure_ascii=False, indent=2))


def rows_of(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    """An object as rows."""
    return [(name, *written(each)) for name, each in value.items()]
