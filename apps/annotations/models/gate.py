"""Publish gates: what a version must have shown on a golden set before people may talk to it."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class PublishGate(models.Model):
    """One condition for publishing an app: no version is published that has not met it in an experiment."""

    class Figure(models.TextChoices):
        LOWER = "lower", _("Lower end of the interval (95 %)")
        MEAN = "mean", _("Mean")

    class Against(models.TextChoices):
        NONE = "none", _("Do not compare")
        BEYOND_CHANCE = "beyond-chance", _("Not worse beyond chance")
        ANY = "any", _("Not worse at all")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    golden_set = models.ForeignKey(
        "annotations.GoldenSet", models.RESTRICT, related_name="gates", verbose_name=_("golden set")
    )
    #: What counts is measured on this version: who changes the set does not move what a gate asks for.
    set_version = models.PositiveIntegerField(_("version of the set"), validators=[MinValueValidator(1)])
    evaluator = models.ForeignKey(
        "annotations.Evaluator", models.RESTRICT, related_name="gates", verbose_name=_("evaluator")
    )
    #: None: there is no threshold, only the comparison.
    threshold = models.FloatField(
        _("at least"), null=True, blank=True, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    figure = models.CharField(_("figure"), max_length=5, choices=Figure.choices, default=Figure.LOWER)
    against_live = models.CharField(
        _("beside the published version"), max_length=13, choices=Against.choices, default=Against.NONE
    )
    is_enabled = models.BooleanField(_("in force"), default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("publish gate")
        verbose_name_plural = _("publish gates")
        constraints = [
            models.UniqueConstraint(
                fields=["application", "golden_set", "evaluator"], name="one_publish_gate_of_an_evaluator"
            ),
            models.CheckConstraint(
                condition=models.Q(threshold__isnull=False) | ~models.Q(against_live="none"),
                name="publish_gate_asks_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.golden_set}: {self.evaluator}"

    @property
    def is_behind(self) -> bool:
        """Whether the set has newer versions than the one that counts."""
        return not self._state.adding and self.set_version < self.golden_set.version


class GateOverride(models.Model):
    """A manager published a version that gates refused, and said why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    version = models.ForeignKey("workflows.Version", models.CASCADE, related_name="+", verbose_name=_("version"))
    #: What was said against it: `[{"code", "message", ...}]`.
    refusals = models.JSONField(_("refused because"), default=list)
    reason = models.TextField(_("reason"), max_length=2_000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    created_at = models.DateTimeField(_("published"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("overridden gate")
        verbose_name_plural = _("overridden gates")

    def __str__(self) -> str:
        return self.reason[:80]
