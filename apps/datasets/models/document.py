"""A document: one uploaded file and how far it has come."""

from __future__ import annotations

from django.conf import settings as site
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class DocumentQuerySet(models.QuerySet["Document"]):
    """Rules about many documents."""

    def live(self) -> DocumentQuerySet:
        """Those that nobody deleted."""
        return self.filter(deleted_at=None)


class Document(models.Model):
    """One file. `version` is the one that is searchable; 0 while there is none yet."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting")
        EXTRACTING = "extracting", _("Reading")
        CHUNKING = "chunking", _("Splitting")
        EMBEDDING = "embedding", _("Embedding")
        PAUSED = "paused", _("Paused")
        READY = "ready", _("Ready")
        ERROR = "error", _("Error")
        CANCELLED = "cancelled", _("Cancelled")

    #: Errors that come again however often the same file is read: only another file helps.
    NEEDS_OTHER_FILE = ("empty_document", "encrypted", "damaged", "needs_ocr", "unsupported_type", "file_too_large")
    UNFINISHED = (Status.UPLOADED, Status.EXTRACTING, Status.CHUNKING, Status.EMBEDDING, Status.PAUSED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="documents", verbose_name=_("dataset"))
    name = models.CharField(_("name"), max_length=500)
    kind = models.CharField(_("kind"), max_length=20, blank=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    # Empty for a file that was refused at the door: nothing of it was kept.
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, editable=False)
    blob = models.CharField(max_length=200, blank=True, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.UPLOADED)
    error = models.JSONField(_("error"), null=True, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    characters = models.PositiveIntegerField(_("characters"), default=0)
    chunk_count = models.PositiveIntegerField(_("chunks"), default=0)
    version = models.PositiveIntegerField(_("version"), default=0)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    # What people wrote down about it, by the id of the MetadataField; a time is in seconds since 1970.
    attributes = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    # How this one is cut and cleaned where that differs from its dataset: the parts `chunking` and `cleaning`.
    settings = models.JSONField(
        default=dict, blank=True, editable=False, db_default=models.Value({}, models.JSONField())
    )
    created_by = models.ForeignKey(
        site.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "sha256"],
                condition=models.Q(deleted_at=None) & ~models.Q(sha256=""),
                name="document_content_once_per_dataset",
            )
        ]
        indexes = [
            models.Index(fields=["dataset", "-id"], name="document_dataset_newest"),
            models.Index(fields=["sha256"], name="document_sha256"),
            models.Index(fields=["deleted_at"], condition=models.Q(deleted_at__isnull=False), name="document_deleted"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_indexing(self) -> bool:
        """Whether something is still to happen to it."""
        return self.status in self.UNFINISHED

    @property
    def needs_other_file(self) -> bool:
        """Whether its file is what is wrong."""
        return self.status == self.Status.ERROR and (self.error or {}).get("code") in self.NEEDS_OTHER_FILE

    @property
    def may_retry(self) -> bool:
        """Whether indexing it again is of use: it has ended, its content was kept, and another time may go better."""
        return bool(self.blob) and not self.is_indexing and not self.needs_other_file
