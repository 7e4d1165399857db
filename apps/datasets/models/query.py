"""What was asked of a dataset, and how well it went."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class DatasetQuery(models.Model):
    """One question to one dataset, whoever asked. Kept for `DATASET_QUERY_DAYS`."""

    class Source(models.TextChoices):
        TEST = "test", _("Search test")
        APP = "app", _("App")
        API = "api", _("API")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="queries", db_index=False)
    source = models.CharField(_("from"), max_length=10, choices=Source.choices)
    query = models.TextField(_("question"))
    method = models.CharField(_("method"), max_length=20)
    passages = models.PositiveIntegerField(_("passages"), default=0)
    best = models.FloatField(_("best similarity"), null=True, blank=True)
    elapsed_ms = models.FloatField(_("time"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("query")
        verbose_name_plural = _("queries")
        indexes = [
            models.Index(fields=["dataset", "-id"], name="dataset_query_newest"),
            models.Index(fields=["created_at"], name="dataset_query_age"),
        ]

    def __str__(self) -> str:
        return self.query[:80]


class ChunkHit(models.Model):
    """How often apps and programs got a chunk; outlives the versions of its document, like the chunk's id."""

    chunk_id = models.UUIDField(primary_key=True)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    document_id = models.UUIDField(db_index=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("hits of a chunk")
        verbose_name_plural = _("hits of chunks")

    def __str__(self) -> str:
        return f"{self.chunk_id}: {self.count}"
