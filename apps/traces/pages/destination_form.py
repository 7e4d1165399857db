"""The form that says where traces are sent on to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{1,4000}")
_MOST_HEADERS = 20


class DestinationForm(forms.Form):
    """An address, headers and what is sent. Headers that are there are kept unless others are given."""

    endpoint = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("The whole address for traces, such as https://collector.example.org/v1/traces."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    headers = forms.CharField(
        label=gettext_lazy("Headers"),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy("One in a line, as “Authorization: Bearer …”. They are stored encrypted and not shown."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
    with_content = forms.BooleanField(
        label=gettext_lazy("With content"),
        required=False,
        help_text=gettext_lazy("Questions, answers, passages, and what steps were given and gave."),
    )
    is_on = forms.BooleanField(label=gettext_lazy("Send traces on"), required=False)

    def __init__(self, *args: Any, kept: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kept:
            words = _("Kept: %(names)s. Leave the field empty to keep them; another address forgets them.")
            self.fields["headers"].help_text = words % {"names": ", ".join(kept)}

    def clean_endpoint(self) -> str:
        """An address of the web."""
        given: str = self.cleaned_data["endpoint"].strip()
        try:
            urlsplit(given)  # refuses half a bracket, which httpx takes
            url = httpx.URL(given)
        except (httpx.InvalidURL, ValueError) as exc:
            raise forms.ValidationError(_("This is not an address.")) from exc
        if url.scheme not in ("http", "https") or not url.host:
            raise forms.ValidationError(_("An address begins with http:// or https:// and names a host."))
        if url.userinfo:
            raise forms.ValidationError(_("Put credentials into a header: the address is shown."))
        return given

    def clean_headers(self) -> dict[str, str] | None:
        """The headers by name; None to keep those that are there."""
        lines = [line.strip() for line in self.cleaned_data["headers"].splitlines() if line.strip()]
        if len(lines) > _MOST_HEADERS:
            raise forms.ValidationError(_("At most %(number)d headers are sent.") % {"number": _MOST_HEADERS})
        found = {}
        for line in lines:
            name, _colon, value = line.partition(":")
            if not _NAME.fullmatch(name.strip()) or not _VALUE.fullmatch(value.strip()):
                raise forms.ValidationError(_("Write each header as “Name: value”, in plain characters."))
            found[name.strip()] = value.strip()
        return found or None

    def settings(self) -> dict[str, Any]:
        """What the valid form says."""
        return dict(self.cleaned_data)
