"""Pairs of a better and a worse answer, for training by preference."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class PreferencePair(models.Model):
    """The answer that was wanted and the one that was given. Fine-tune sets take those that are in use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    correction = models.OneToOneField(
        "annotations.Correction",
        models.SET_NULL,
        null=True,
        related_name="preference_pair",
        verbose_name=_("from correction"),
    )
    question = models.TextField(_("question"))
    chosen = models.TextField(_("better answer"))
    rejected = models.TextField(_("worse answer"))
    is_enabled = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("preference pair")
        verbose_name_plural = _("preference pairs")
        indexes = [models.Index(fields=["team", "-id"], name="preference_team_newest")]

    def __str__(self) -> str:
        return self.question[:80]
