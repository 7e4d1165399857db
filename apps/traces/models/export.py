"""Exports: the rows of a list as a file, made by a job and kept for some days."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.traces.models.list_job import ListJob


class TraceExport(ListJob):
    """A file of traces, spans or thoughts; whoever asked for it downloads it while it is kept."""

    class Format(models.TextChoices):
        CSV = "csv", _("CSV, for spreadsheets")
        JSONL = "jsonl", _("JSON lines, for programs")

    format = models.CharField(_("format"), max_length=10, choices=Format.choices)
    #: With whole inputs and outputs instead of their first 200 characters.
    with_payloads = models.BooleanField(_("whole inputs and outputs"), default=False)
    #: Path below the folder of files; empty once it was deleted.
    path = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(_("size"), default=0)
    expires_at = models.DateTimeField(_("kept until"), null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("trace export")
        verbose_name_plural = _("trace exports")
        indexes = [
            models.Index(fields=["team_id", "-created_at"], name="trace_export_newest"),
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="trace_export_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """What the file is called when it is downloaded."""
        return f"{self.table}-{self.created_at:%Y%m%d-%H%M%S}.{self.format}"
