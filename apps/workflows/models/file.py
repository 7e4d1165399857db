"""A file that belongs to a team: uploaded for a run, or made by one."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class File(models.Model):
    """A file's facts. Its bytes are on disk under the name of their content, once for however many rows name them."""

    class Origin(models.TextChoices):
        UPLOAD = "upload", _("Uploaded")
        RUN = "run", _("Made by a run")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="files", verbose_name=_("app")
    )
    run = models.ForeignKey(
        "workflows.Run", models.SET_NULL, null=True, blank=True, related_name="files", verbose_name=_("run")
    )
    origin = models.CharField(_("origin"), max_length=20, choices=Origin.choices, default=Origin.UPLOAD)
    # Whoever uploaded it, as runs and conversations name them: nobody else may put it into a run.
    source = models.CharField(_("source"), max_length=20)
    end_user = models.CharField(_("end user"), max_length=200, blank=True)
    name = models.CharField(_("name"), max_length=255)
    extension = models.CharField(_("extension"), max_length=20, blank=True)
    mime_type = models.CharField(_("type"), max_length=150)
    size = models.BigIntegerField(_("size"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    blob = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes = [
            models.Index(fields=["team", "-id"], name="file_team_newest"),
            models.Index(fields=["application", "source", "end_user", "-id"], name="file_of_user"),
            models.Index(fields=["sha256"], name="file_content"),
        ]

    def __str__(self) -> str:
        return self.name
