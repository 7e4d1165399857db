"""A key we hold: how a team gets into a model provider. The secret is encrypted at rest."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models.secret import HoldsSecret
from support.ids import uuid7


class ProviderKind(models.TextChoices):
    """The protocol a provider speaks."""

    OPENAI_COMPATIBLE = "openai_compatible", _("OpenAI-compatible")


class ProviderCredential(HoldsSecret):
    """One provider account of one team, and the models it may be used for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(
        "accounts.Team", models.CASCADE, related_name="provider_credentials", verbose_name=_("team")
    )
    name = models.CharField(
        _("name"),
        max_length=60,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", _("Letters, digits, dot, dash and underscore."))],
        help_text=_("The first half of a model's full name, as in openai/gpt-4o-mini."),
    )
    kind = models.CharField(
        _("protocol"), max_length=40, choices=ProviderKind.choices, default=ProviderKind.OPENAI_COMPATIBLE
    )
    base_url = models.CharField(
        _("address"),
        max_length=500,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("Up to and including the version, for example https://api.openai.com/v1."),
    )
    encrypted_secret = models.TextField(_("key, encrypted"), blank=True, editable=False)
    secret_set_at = models.DateTimeField(_("key set"), null=True, editable=False)
    chat_models = models.JSONField(_("chat models"), default=list, blank=True)
    embedding_models = models.JSONField(_("embedding models"), default=list, blank=True)
    rerank_models = models.JSONField(_("rerank models"), default=list, blank=True)
    calls_at_once = models.PositiveSmallIntegerField(
        _("calls at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many calls one process makes to it at the same time. Empty: what the installation says."),
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many calls to chat models may begin in a minute, in all processes. Empty: any number."),
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("tokens per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many tokens these calls may use in a minute, asked and answered. Empty: any number."),
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["team", "created_at"]
        verbose_name = _("provider credential")
        verbose_name_plural = _("provider credentials")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_credential_per_name")]

    def __str__(self) -> str:
        return self.name
