"""One move of a dataset's vectors to another store or another embedding model: where to, how far, who works on it."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7

#: How long the old place is kept: the longest that a search may take which began before the switch, with a wide margin.
KEEP_OLD = dt.timedelta(minutes=5)


class VectorMove(models.Model):
    """While it is `copying`, whatever is indexed is written to both places; `switched` has an old place to remove.

    Whoever works on it holds the lease. Every page that was copied moves the cursor, so that the next one goes on.
    """

    class State(models.TextChoices):
        COPYING = "copying", _("Copying")
        SWITCHED = "switched", _("Switched")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="moves", verbose_name=_("dataset"))
    from_store = models.CharField(_("from store"), max_length=40)
    from_space = models.CharField(_("from space"), max_length=200, blank=True)
    from_dim = models.PositiveIntegerField(default=0)
    to_store = models.CharField(_("to store"), max_length=40)
    to_model = models.CharField(_("embedding model"), max_length=200)
    to_space = models.CharField(_("to space"), max_length=200)
    to_dim = models.PositiveIntegerField()
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.COPYING)
    # The last chunk whose page is in the new place; None before the first.
    cursor = models.UUIDField(null=True, blank=True)
    total = models.PositiveIntegerField(_("chunks"), default=0)
    done = models.PositiveIntegerField(_("chunks done"), default=0)
    # Chunks that the new model finds nothing in, or refuses: they are found by their words.
    without_vector = models.PositiveIntegerField(default=0)
    # Chunks that could not be written to the new place while they were indexed: they are written again.
    redo = models.JSONField(default=list)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.JSONField(_("error"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    switched_at = models.DateTimeField(_("switched"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("move of vectors")
        verbose_name_plural = _("moves of vectors")
        constraints = [
            models.UniqueConstraint(
                fields=["dataset"], condition=models.Q(state="copying"), name="one_copying_move_per_dataset"
            )
        ]
        indexes = [
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=("copying", "switched")),
                name="vector_move_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} → {self.to_store} {self.to_space}"
