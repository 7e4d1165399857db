"""An LLM app and its immutable versions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Application(models.Model):
    """A workflow that people use: as a chat, or as a function with inputs and outputs ("App" on screen)."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Chat")
        WORKFLOW = "workflow", _("Workflow")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    # Unique in the installation, not in the team: it is the address of the public chat page.
    slug = models.SlugField(_("slug"), max_length=80, unique=True, allow_unicode=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.CHAT)
    description = models.TextField(_("description"), blank=True)
    icon = models.CharField(_("icon"), max_length=16, blank=True)
    is_public = models.BooleanField(
        _("public chat page"),
        default=False,
        help_text=_("Anyone with the link may chat with the published version."),
    )
    draft = models.ForeignKey(
        "workflows.Version", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("draft")
    )
    live = models.ForeignKey(
        "workflows.Version",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("published version"),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("app")
        verbose_name_plural = _("apps")
        indexes = [models.Index(fields=["team", "name"], name="application_team_name")]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One saved document of an app. Its document never changes; publishing only stamps it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, related_name="versions", verbose_name=_("app"))
    number = models.PositiveIntegerField(_("number"))
    document = models.JSONField(_("document"))
    digest = models.CharField(max_length=64, editable=False)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    #: What to watch out for in it, in words, until somebody has read it.
    notes = models.JSONField(default=list, blank=True, editable=False)

    class Meta:
        ordering = ["-number"]
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="one_version_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.application} v{self.number}"

    @property
    def kind(self) -> str:
        """What this version is: a chat or a workflow. The app's own kind is that of what it is served as."""
        # A draft is kept as it was written, also when it does not say yet what it is.
        app = self.document.get("app")
        kind: str = app.get("kind", Application.Kind.CHAT) if isinstance(app, dict) else Application.Kind.CHAT
        return kind

    @property
    def features(self) -> dict[str, Any]:
        """The document's chat features (opening, suggested questions, annotation reply ...)."""
        features = self.document.get("features", {})
        return features if isinstance(features, dict) else {}
