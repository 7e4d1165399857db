"""What begins runs by itself: the webhooks and schedules of published versions, and each time one fired."""

from __future__ import annotations

import hashlib
import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.workflows.models.run import Run
from providers.models import HoldsSecret
from support.ids import uuid7


def new_token() -> str:
    """The secret part of a webhook's address."""
    return secrets.token_urlsafe(24)


def token_hash(token: str) -> str:
    """What a token is looked up by. It is random and long, so a plain hash keeps it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Trigger(HoldsSecret):
    """An entry node of an app that begins runs by itself. The published version says what it does.

    It outlives versions, so that its address stays; `is_published` says whether the published one has it. The secret is
    the token of its address, kept so that the team can read it again.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "trigger-webhook", _("Webhook")
        SCHEDULE = "trigger-schedule", _("Schedule")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="triggers", verbose_name=_("app")
    )
    node_id = models.CharField(_("node"), max_length=64)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    #: The node's configuration in the published version.
    config = models.JSONField(default=dict, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    encrypted_secret = models.TextField(_("token, encrypted"), blank=True, editable=False)
    secret_set_at = models.DateTimeField(_("address made"), null=True, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_published = models.BooleanField(_("published"), default=True)
    next_at = models.DateTimeField(_("next time"), null=True, blank=True)
    last_at = models.DateTimeField(_("last time"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)
    fired = models.PositiveIntegerField(_("times fired"), default=0)
    refused = models.PositiveIntegerField(_("requests refused"), default=0)
    missed = models.PositiveIntegerField(_("times missed"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["application", "kind", "node_id"]
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        constraints = [
            models.UniqueConstraint(fields=["application", "node_id"], name="one_trigger_per_node"),
            models.UniqueConstraint(
                fields=["token_hash"], condition=~models.Q(token_hash=""), name="one_trigger_per_token"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(is_enabled=True, is_published=True), name="trigger_due"
            ),
            models.Index(fields=["team", "-id"], name="trigger_team_newest"),
        ]

    def __str__(self) -> str:
        return self.title or self.node_id

    def set_token(self, token: str) -> None:
        """Give it a new address; the old one ends."""
        self.set_secret(token)
        self.token_hash = token_hash(token)

    @property
    def is_webhook(self) -> bool:
        return self.kind == self.Kind.WEBHOOK

    @property
    def is_on(self) -> bool:
        """Whether it fires."""
        return self.is_enabled and self.is_published


class Firing(models.Model):
    """One time a trigger fired, and the run that began. Equal due times and equal keys of one trigger are one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    trigger = models.ForeignKey(Trigger, models.CASCADE, related_name="firings", verbose_name=_("trigger"))
    run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="firings", verbose_name=_("run"))
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    missed = models.PositiveIntegerField(_("missed before"), default=0)
    idempotency_key = models.CharField(_("idempotency key"), max_length=255, blank=True)
    #: What the request held, to tell a repeated one from another with the same key.
    digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("fired"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("firing")
        verbose_name_plural = _("firings")
        constraints = [
            models.UniqueConstraint(fields=["trigger", "due_at"], name="one_firing_per_due_time"),
            models.UniqueConstraint(
                fields=["trigger", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="one_firing_per_key",
            ),
        ]
        indexes = [models.Index(fields=["trigger", "-id"], name="firing_trigger_newest")]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.created_at}"
