"""What a team writes down about its documents: the fields of a dataset. Values are in `Document.attributes`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class MetadataField(models.Model):
    """A field that documents of a dataset may have a value for. Values are kept by its id, so a new name is free."""

    class Kind(models.TextChoices):
        STRING = "string", _("Text")
        NUMBER = "number", _("Number")
        TIME = "time", _("Time")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    dataset = models.ForeignKey(
        "datasets.Dataset", models.CASCADE, related_name="metadata_fields", verbose_name=_("dataset")
    )
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.STRING)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("metadata field")
        verbose_name_plural = _("metadata fields")
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="metadata_field_once_per_dataset")]

    def __str__(self) -> str:
        return self.name
