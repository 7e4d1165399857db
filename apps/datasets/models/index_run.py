"""One attempt to index a document: its stage, its progress and who works on it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.datasets.models.dataset import default_vector_store
from support.ids import uuid7


class IndexRun(models.Model):
    """Builds version `version` of a document. At most one unfinished run per document.

    Whoever works on it holds the lease; a lease that ends without being renewed means that the worker died, and the
    sweep starts the stage again. `deliveries` counts the starts since the last progress.
    """

    class Stage(models.TextChoices):
        READ = "read", _("Reading")
        ASK = "ask", _("Writing questions")
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
    vector_store = models.CharField(max_length=40, default=default_vector_store, editable=False)
    space = models.CharField(_("vector space"), max_length=200, blank=True, editable=False)
    dim = models.PositiveIntegerField(default=0, editable=False)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices, default=Stage.READ)
    # The first chunk that was not handed to a batch yet.
    cursor = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(_("chunks"), default=0)
    done = models.PositiveIntegerField(_("chunks done"), default=0)
    without_vector = models.PositiveIntegerField(_("chunks without a vector"), default=0)
    # Chunks that an embedding model was called for; the others kept their vector or found it in the cache.
    embedded = models.PositiveIntegerField(_("chunks embedded"), default=0, db_default=0)
    page_total = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    pages_done = models.PositiveIntegerField(_("pages done"), default=0)
    deliveries = models.PositiveSmallIntegerField(_("deliveries"), default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    # Calls that failed in a row and are worth another try.
    retries = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Why nothing happens at the moment, as {code, message, until}: a provider that asked for patience.
    waiting = models.JSONField(null=True, blank=True)
    # How far it was lately, as [second, pages, chunks]: what the estimate of the end is made of.
    marks = models.JSONField(default=list, blank=True)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
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
