"""One attempt to index a document: its stage, its progress and who works on it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class IndexRun(models.Model):
    """Builds version `version` of a document. At most one unfinished run per document.

    Whoever works on it holds the lease; a lease that ends without being renewed means that the worker died, and the
    sweep starts the stage again. `deliveries` counts the starts since the last progress.
    """

    class Stage(models.TextChoices):
        READ = "read", _("Reading")
        EMBED = "embed", _("Embedding")
        DONE = "done", _("Done")

    class Outcome(models.TextChoices):
        READY = "ready", _("Ready")
        ERROR = "error", _("Error")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    document = models.ForeignKey("datasets.Document", models.CASCADE, related_name="runs", verbose_name=_("document"))
    version = models.PositiveIntegerField(_("version"))
    sha256 = models.CharField(max_length=64, editable=False)
    blob = models.CharField(max_length=200, editable=False)
    config_hash = models.CharField(max_length=64, blank=True, editable=False)
    space = models.CharField(_("vector space"), max_length=200, blank=True, editable=False)
    dim = models.PositiveIntegerField(default=0, editable=False)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices, default=Stage.READ)
    # The first chunk that was not handed to a batch yet.
    cursor = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(_("chunks"), default=0)
    done = models.PositiveIntegerField(_("chunks done"), default=0)
    without_vector = models.PositiveIntegerField(_("chunks without a vector"), default=0)
    pages_done = models.PositiveIntegerField(_("pages done"), default=0)
    deliveries = models.PositiveSmallIntegerField(_("deliveries"), default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    error = models.JSONField(_("error"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("indexing run")
        verbose_name_plural = _("indexing runs")
        constraints = [
            models.UniqueConstraint(fields=["document", "version"], name="one_run_per_version"),
            models.UniqueConstraint(
                fields=["document"],
                condition=models.Q(finished_at=None),
                name="one_unfinished_run_per_document",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_until"],
                condition=models.Q(finished_at=None),
                name="index_run_unfinished_lease",
            )
        ]

    def __str__(self) -> str:
        return f"{self.document_id} v{self.version}"
