"""Files of fine-tune sets: one version in one format, made by a job and kept for some days."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.training_set import GOING, Job, TrainingVersion
from support.ids import uuid7


class TrainingExport(models.Model):
    """A file; asking for it again gives the same bytes."""

    class Format(models.TextChoices):
        OPENAI = "openai", _("OpenAI chat (JSONL)")
        OPENAI_PREFERENCE = "openai-preference", _("OpenAI preference pairs (JSONL)")
        TRL_PREFERENCE = "trl-preference", _("DPO pairs for TRL (JSONL)")
        SHAREGPT = "sharegpt", _("ShareGPT (JSONL)")
        ALPACA = "alpaca", _("Alpaca (JSONL)")
        CSV = "csv", _("CSV, for spreadsheets")
        PARQUET = "parquet", _("Parquet")

    class Split(models.TextChoices):
        TRAIN = "train", _("Training")
        VALIDATION = "validation", _("Validation")
        ALL = "all", _("Both in one file")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    version = models.ForeignKey(TrainingVersion, models.CASCADE, related_name="exports", verbose_name=_("version"))
    format = models.CharField(_("format"), max_length=20, choices=Format.choices)
    split = models.CharField(_("split"), max_length=10, choices=Split.choices, default=Split.TRAIN)
    status = models.CharField(_("status"), max_length=10, choices=Job.choices, default=Job.QUEUED)
    rows_expected = models.PositiveIntegerField(_("expected rows"), default=0)
    rows_read = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(_("rows"), default=0)
    #: Why others are not in the file: reason -> how many; `invalid` failed the format's check.
    left_out = models.JSONField(_("left out"), default=dict)
    #: The first lines that failed: `[{"position", "fault"}]`.
    faults = models.JSONField(_("faults"), default=list)
    tokens = models.BigIntegerField(_("tokens"), default=0)
    #: Path below the folder of files; empty once it was deleted.
    path = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(_("size"), default=0)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    beat_at = models.DateTimeField(_("last heard of"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    expires_at = models.DateTimeField(_("kept until"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("file of a fine-tune set")
        verbose_name_plural = _("files of fine-tune sets")
        indexes = [
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="training_export_waiting"
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """What the file is called when it is downloaded."""
        extension = {"csv": "csv", "parquet": "parquet"}.get(self.format, "jsonl")
        name = "".join(each if each.isalnum() else "-" for each in self.version.training_set.name.lower())
        return f"{name}-v{self.version.number}-{self.format}-{self.split}.{extension}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status not in GOING

    @property
    def is_ready(self) -> bool:
        """Whether there is a file."""
        return self.status == Job.DONE and bool(self.path)

    @property
    def per_cent(self) -> int:
        """How far it is; only a finished one says 100."""
        if self.status == Job.DONE:
            return 100
        return min(99, 100 * self.rows_read // self.rows_expected) if self.rows_expected else 0
