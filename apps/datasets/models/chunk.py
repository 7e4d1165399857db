"""What is read from a document: pages, chunks and, per dataset, in how many chunks a term occurs."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _


class DocumentPage(models.Model):
    """A part of the cleaned text of a page: what the offsets of its chunks count in.

    `number` is 0 where there are no pages; a long page has several parts, each beginning at its `char_start`.
    """

    pk = models.CompositePrimaryKey("document_id", "version", "number", "char_start")
    document = models.ForeignKey("datasets.Document", models.CASCADE, related_name="page_texts")
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    version = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    char_start = models.PositiveIntegerField(default=0, db_default=0)
    text = models.TextField()

    class Meta:
        ordering = ["document_id", "version", "number", "char_start"]
        verbose_name = _("page")
        verbose_name_plural = _("pages")

    def __str__(self) -> str:
        return str(self.number)


class Chunk(models.Model):
    """A passage of one version of a document.

    `id` follows from dataset, document and `key` (text, headings, splitter), so an unchanged passage keeps it through
    re-indexing, and with it its vector; what may differ between versions (its place) is in the row of that version.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        READY = "ready", _("Ready")

    class Origin(models.TextChoices):
        READ = "read", _("From the file")
        EDITED = "edited", _("Edited")
        ADDED = "added", _("Added by hand")

    pk = models.CompositePrimaryKey("id", "version")
    id = models.UUIDField()
    version = models.PositiveIntegerField()
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="+")
    # Indexed by the constraint below.
    document = models.ForeignKey("datasets.Document", models.CASCADE, related_name="chunks", db_index=False)
    ordinal = models.PositiveIntegerField(_("position"))
    key = models.CharField(max_length=90)
    # What is embedded and searched: a passage, a child of `parent_id`, or the question of `answer`.
    text = models.TextField(_("text"))
    answer = models.TextField(_("answer"), blank=True, default="", db_default="")
    # The ChunkParent of the same version; no constraint, for both are written and removed by version.
    parent_id = models.UUIDField(null=True, blank=True)
    origin = models.CharField(
        max_length=10, choices=Origin.choices, default=Origin.READ, db_default=Origin.READ.value, editable=False
    )
    page = models.PositiveIntegerField(_("page"), null=True, blank=True)
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    heading_path = models.JSONField(_("headings"), default=list)
    terms = models.JSONField(default=dict)
    term_count = models.PositiveIntegerField(default=0)
    lexemes = SearchVectorField()
    is_enabled = models.BooleanField(_("enabled"), default=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)

    class Meta:
        ordering = ["document_id", "version", "ordinal"]
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        constraints = [models.UniqueConstraint(fields=["document", "version", "ordinal"], name="chunk_position")]
        indexes = [
            GinIndex(fields=["lexemes"], name="chunk_lexemes"),
            models.Index(
                fields=["parent_id", "version"], condition=models.Q(parent_id__isnull=False), name="chunk_parent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.ordinal}"


class ChunkParent(models.Model):
    """What a child is part of, stored once: retrieval finds the children and gives out their parents' text.

    In a dataset whose pairs a model writes it is the passage that the model is asked about.
    """

    pk = models.CompositePrimaryKey("id", "version")
    id = models.UUIDField()
    version = models.PositiveIntegerField()
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    document = models.ForeignKey("datasets.Document", models.CASCADE, related_name="parents", db_index=False)
    ordinal = models.PositiveIntegerField(_("position"))
    text = models.TextField(_("text"))
    # Where it begins and ends; a section may go on over pages.
    page = models.PositiveIntegerField(_("page"), null=True, blank=True)
    page_end = models.PositiveIntegerField(null=True, blank=True)
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    heading_path = models.JSONField(_("headings"), default=list)
    # False until a model has written the pairs of this passage; True wherever none is asked.
    is_asked = models.BooleanField(default=True)

    class Meta:
        ordering = ["document_id", "version", "ordinal"]
        verbose_name = _("parent")
        verbose_name_plural = _("parents")
        constraints = [models.UniqueConstraint(fields=["document", "version", "ordinal"], name="chunk_parent_position")]

    def __str__(self) -> str:
        return f"{self.document_id} ^{self.ordinal}"


class DatasetTerm(models.Model):
    """In how many searchable chunks of a dataset a term occurs."""

    pk = models.CompositePrimaryKey("dataset_id", "term")
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="+", db_index=False)
    term = models.CharField(max_length=200)
    df = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")

    def __str__(self) -> str:
        return self.term
