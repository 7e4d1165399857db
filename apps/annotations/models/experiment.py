"""Experiments: one version of an app, asked everything that one version of a golden set holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7

MOST_AT_ONCE = 32
LONGEST_ITEM_S = 3_600


class Experiment(models.Model):
    """A measurement. Its results stay what they were, also when the set, the evaluators or the draft move on."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "completed", _("Completed")
        #: The budget is spent; what came out until then is kept.
        SPENT = "spent", _("Out of budget")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    #: Among the experiments on its golden set. Many measure the same version: this tells them apart.
    number = models.PositiveIntegerField(_("number"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    version = models.ForeignKey("workflows.Version", models.CASCADE, related_name="+", verbose_name=_("version"))
    golden_set = models.ForeignKey(
        "annotations.GoldenSet", models.CASCADE, related_name="experiments", verbose_name=_("golden set")
    )
    set_version = models.PositiveIntegerField(_("version of the set"))
    #: Copies: `[{"id", "name", "kind", "config", "pass_at"}]`; their places are the `place` of scores.
    evaluators = models.JSONField(_("evaluators"), default=list)
    #: The experiment whose answers pairwise evaluators compare with.
    baseline = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("compared with")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    error = models.TextField(_("error"), blank=True)
    parallel = models.PositiveSmallIntegerField(
        _("items at once"), default=4, validators=[MinValueValidator(1), MaxValueValidator(MOST_AT_ONCE)]
    )
    item_seconds = models.PositiveIntegerField(
        _("seconds for an item"), default=120, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_ITEM_S)]
    )
    # The budget; none: without end. Judges count like the app itself.
    max_calls = models.PositiveIntegerField(_("most calls of models"), null=True, blank=True)
    max_tokens = models.PositiveBigIntegerField(_("most tokens"), null=True, blank=True)
    max_cost = models.DecimalField(_("highest cost"), max_digits=16, decimal_places=6, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    calls = models.PositiveIntegerField(_("calls of models"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    #: In `currency`, of calls whose price is known.
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=6, default=Decimal(0))
    #: Calls whose price nobody knows, or that have one in another currency: the cost says nothing of them.
    unpriced_calls = models.PositiveIntegerField(_("calls without a price"), default=0)
    total = models.PositiveIntegerField(_("items"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("begun by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    #: Renewed while a worker has it; once it is old another one goes on.
    beat_at = models.DateTimeField(_("last heard of"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        constraints = [
            models.UniqueConstraint(fields=["golden_set", "number"], name="one_experiment_of_a_number"),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="experiment_team_newest"),
            models.Index(fields=["version", "golden_set", "-id"], name="experiment_of_version"),
            models.Index(
                fields=["beat_at"],
                condition=models.Q(status__in=["queued", "running"]),
                name="experiment_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · #{self.number}" if self.name else f"#{self.number}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)

    @property
    def specs(self) -> list[dict[str, Any]]:
        """What its answers are judged by, in the order of their places."""
        return list(self.evaluators)
