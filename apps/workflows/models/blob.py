"""Large values of run logs, kept once per team under the SHA-256 of their content."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.workflows.models.run import Run


class Blob(models.Model):
    """A value that rows of run logs name instead of holding it. `content` is its JSON.

    `used_at` is when a log last named it, give or take some minutes; what was named lately is not removed.
    """

    pk = models.CompositePrimaryKey("team_id", "sha256")
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    used_at = models.DateTimeField()

    class Meta:
        verbose_name = _("large value")
        verbose_name_plural = _("large values")

    def __str__(self) -> str:
        return self.sha256


class BlobUse(models.Model):
    """That the log of a run names a large value."""

    pk = models.CompositePrimaryKey("run_id", "sha256")
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", verbose_name=_("run"))
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("use of a large value")
        verbose_name_plural = _("uses of large values")
        indexes = [models.Index(fields=["team", "sha256"], name="blobuse_of_blob")]

    def __str__(self) -> str:
        return self.sha256
