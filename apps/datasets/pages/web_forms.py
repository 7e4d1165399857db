"""The forms of what comes from elsewhere: pages of the web, and datasets that another program keeps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.datasets.services.external_datasets import TIMEOUTS
from apps.datasets.services.importing import MAX_PAGES


class WebImportForm(forms.Form):
    """Addresses, or a sitemap, and what of it to take."""

    urls = forms.CharField(
        label=_("Addresses"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "placeholder": "https://docs.example.com/guide"}
        ),
        help_text=_("One per line. Only these pages are fetched, not what they link to."),
    )
    sitemap = forms.CharField(
        label=_("Sitemap"),
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "https://docs.example.com/sitemap.xml"}),
        help_text=_("A list of pages that many sites keep, mostly at /sitemap.xml."),
    )
    include = forms.CharField(
        label=_("Of the sitemap only"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": "*/docs/*"}),
        help_text=_("Patterns for addresses, one per line; * stands for anything."),
    )
    exclude = forms.CharField(
        label=_("Of the sitemap without"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": "*/blog/*"}),
    )
    max_pages = forms.IntegerField(label=_("Most pages"), min_value=1, max_value=MAX_PAGES, initial=100)

    def options(self) -> dict[str, Any]:
        """What was entered, as `start_import` takes it."""
        given = self.cleaned_data
        return {
            "urls": given["urls"].splitlines(),
            "sitemap": given["sitemap"],
            "include": given["include"].splitlines(),
            "exclude": given["exclude"].splitlines(),
            "max_pages": given["max_pages"],
        }


class ConnectionForm(forms.Form):
    """Where an external dataset is kept."""

    endpoint = forms.CharField(
        label=_("Address"),
        max_length=1_000,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "https://knowledge.example.com/api"}),
        help_text=_("/retrieval is added to it."),
    )
    knowledge_id = forms.CharField(
        label=_("Knowledge id"), max_length=300, help_text=_("What the dataset is called in the other program.")
    )
    secret = forms.CharField(
        label=_("Key"),
        required=False,
        max_length=2_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Kept encrypted and never shown. Left empty, the stored key stays."),
    )
    timeout = forms.IntegerField(label=_("Seconds to wait"), min_value=TIMEOUTS[0], max_value=TIMEOUTS[1], initial=10)

    def options(self) -> dict[str, Any]:
        """What was entered, as the service takes it; no key means to leave it as it is."""
        given = self.cleaned_data
        return {
            "endpoint": given["endpoint"],
            "knowledge_id": given["knowledge_id"],
            "timeout": given["timeout"],
            "secret": given["secret"].strip() or None,
        }


class NewExternalForm(ConnectionForm):
    """The same with a name, for a new one."""

    name = forms.CharField(label=_("Name"), max_length=200)
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("name", "description", "endpoint", "knowledge_id", "secret", "timeout")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret"].help_text = _("Kept encrypted and never shown. Empty: requests are sent without one.")
