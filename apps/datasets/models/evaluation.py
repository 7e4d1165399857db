"""One measurement of how well a dataset answers questions whose answers are known."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Evaluation(models.Model):
    """Questions with the documents that answer them, the variants that are compared, and what came out.

    `results` holds one entry for each variant with a number for each question, so that a task that starts again goes
    on where the last one stopped.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        READY = "ready", _("Ready")
        ERROR = "error", _("Error")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="evaluations")
    name = models.CharField(_("name"), max_length=200)
    questions = models.JSONField(default=list)
    variants = models.JSONField(default=list)
    results = models.JSONField(default=list)
    summary = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("searches"), default=0)
    error = models.TextField(_("error"), blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")

    def __str__(self) -> str:
        return self.name

    @property
    def best(self) -> float | None:
        """The best nDCG@10 of all variants; None while it is not known."""
        return max((row["measures"]["ndcg@10"]["mean"] for row in self.summary), default=None)
