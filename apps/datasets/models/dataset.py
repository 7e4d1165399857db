"""A dataset: documents of a team that apps may search together."""

from __future__ import annotations

from django.conf import settings as site
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


def default_vector_store() -> str:
    """The store of this installation; a dataset keeps the one that it was made with."""
    return site.VECTOR_STORE


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Rules about many datasets."""

    def live(self) -> DatasetQuerySet:
        """Those that nobody deleted."""
        return self.filter(deleted_at=None)


class Dataset(models.Model):
    """Documents that are searched together, in one vector space and with one analyser.

    An `external` one has no documents here: another program is asked, at the address in its `external`.
    """

    class Kind(models.TextChoices):
        OWN = "own", _("Own documents")
        EXTERNAL = "external", _("External knowledge")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=80, allow_unicode=True)
    description = models.TextField(_("description"), blank=True)
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind.choices, default=Kind.OWN, db_default=Kind.OWN, editable=False
    )
    embedding_model = models.CharField(_("embedding model"), max_length=200, default="hashing")
    vector_store = models.CharField(_("vector store"), max_length=40, default=default_vector_store, editable=False)
    # Which space the stored vectors belong to; empty until the first document is indexed.
    space = models.CharField(_("vector space"), max_length=200, blank=True, editable=False)
    dim = models.PositiveIntegerField(default=0, editable=False)
    analyzer_version = models.PositiveIntegerField(default=0, editable=False)
    settings = models.JSONField(_("settings"), default=dict, blank=True, help_text=_("Chunking and retrieval weights."))
    # Of the searchable chunks: what BM25 needs to know about the whole.
    chunk_count = models.PositiveIntegerField(_("chunks"), default=0, editable=False)
    term_total = models.PositiveBigIntegerField(default=0, editable=False)
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

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug"], condition=models.Q(deleted_at=None), name="dataset_slug_per_team"
            )
        ]

    def __str__(self) -> str:
        return self.name
