"""What becomes of an app's corrections once they are approved."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class CorrectionSettings(models.Model):
    """One app's switches. An app without a row has those that a new row has."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.OneToOneField("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    needs_second_person = models.BooleanField(_("a second person approves"), default=False)
    makes_annotation = models.BooleanField(_("annotation reply"), default=True)
    makes_example = models.BooleanField(_("few-shot example"), default=True)
    makes_preference_pair = models.BooleanField(_("preference pair"), default=True)
    #: Corrections become items of this set; none: of no set.
    golden_set = models.ForeignKey(
        "annotations.GoldenSet",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("golden set"),
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("use of corrections")
        verbose_name_plural = _("uses of corrections")

    def __str__(self) -> str:
        return str(self.application_id)
