"""The form of a provider credential: lists are written one per line, the key is written and never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from providers.catalogue import EmbeddingSpec
from providers.models import ProviderCredential
from providers.services.credentials import moves_away


class LinesField(forms.CharField):
    """A list of short texts, edited one per line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        if isinstance(value, list):
            return "\n".join(_as_line(entry) for entry in value)
        return value

    def clean(self, value: Any) -> list[str]:
        """The lines as a list, without blanks and repeats."""
        text = super().clean(value) or ""
        return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    """Adds the write-only key and checks what the model alone cannot."""

    secret = forms.CharField(
        label=_("key"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted and never shown again. Leave empty to keep the stored key."),
    )
    chat_models = LinesField(
        label=_("chat models"), help_text=_("One name per line. The first one is the team's default.")
    )
    embedding_models = LinesField(
        label=_("embedding models"),
        help_text=_("One name per line; with its dimension, as in my-model@768, where it is not a well-known one."),
    )
    rerank_models = LinesField(
        label=_("rerank models"),
        help_text=_("One name per line, for a provider with an address /rerank in the shape of Cohere's or Jina's."),
    )

    class Meta:
        model = ProviderCredential
        fields = (
            *("team", "name", "kind", "base_url", "chat_models", "embedding_models", "rerank_models"),
            *("calls_at_once", "requests_per_minute", "tokens_per_minute", "is_enabled"),
        )

    def clean_embedding_models(self) -> list[str]:
        """Every dimension must be known before anything is embedded."""
        lines: list[str] = self.cleaned_data["embedding_models"]
        unknown = [line for line in lines if EmbeddingSpec.read(line) is None]
        if unknown:
            raise ValidationError(
                _("Write the dimension too, as in %(example)s."), params={"example": f"{unknown[0]}@1024"}
            )
        return lines

    def clean(self) -> dict[str, Any]:
        """A stored key does not follow the address to another host."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stored_url = self.initial.get("base_url", "")
        holds_key = bool(self.instance.encrypted_secret)
        keeps_key = holds_key and not cleaned.get("secret")
        if keeps_key and "base_url" in cleaned and moves_away(stored_url, cleaned["base_url"]):
            self.add_error("secret", _("The key must be given again when the address changes."))
        return cleaned


def _as_line(entry: Any) -> str:
    if isinstance(entry, dict):
        return f"{entry.get('name', '')}@{entry['dim']}" if entry.get("dim") else str(entry.get("name", ""))
    return str(entry)
