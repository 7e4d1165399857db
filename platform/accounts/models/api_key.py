"""Keys we hand out: shown once, stored as a hash, scoped and expiring."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class ApiKey(models.Model):
    """Opens an app (`app-...`), a dataset (`dataset-...`) or the traces (`traces-...`) of a team, as far as it may."""

    class Subject(models.TextChoices):
        APP = "app", _("App")
        DATASET = "dataset", _("Dataset")
        #: The subject is the team, or the app that the traces belong to.
        TRACES = "traces", _("Traces")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="api_keys", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    # The subject lives in an app above this one, so it is named and not joined.
    subject_kind = models.CharField(_("opens"), max_length=20, choices=Subject.choices)
    subject_id = models.UUIDField(_("subject"), db_index=True)
    prefix = models.CharField(_("begins with"), max_length=20)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @staticmethod
    def generate(subject_kind: str) -> str:
        """A new secret: the subject's prefix and 192 random bits."""
        return f"{subject_kind}-{secrets.token_urlsafe(24)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """The stored form. A fast hash is right here: the secret is random, so there is nothing to guess."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @property
    def is_usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def was_used_recently(self, *, within: dt.timedelta = dt.timedelta(minutes=1)) -> bool:
        """Whether `last_used_at` is fresh enough to leave alone (it costs a write)."""
        return self.last_used_at is not None and self.last_used_at > timezone.now() - within
