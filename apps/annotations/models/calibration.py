"""Calibration: an evaluator judges what people have judged, and one sees how far to trust it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.training_set import GOING, Job
from support.ids import uuid7


class Calibration(models.Model):
    """One comparison of an evaluator, as it was then, with the answers that people gave to a question."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    evaluator = models.ForeignKey(
        "annotations.Evaluator", models.CASCADE, related_name="calibrations", verbose_name=_("evaluator")
    )
    #: The evaluator as it was (`Evaluator.as_spec`).
    spec = models.JSONField(_("settings"), default=dict)
    config = models.ForeignKey(
        "annotations.ScoreConfig", models.CASCADE, related_name="+", verbose_name=_("review question")
    )
    #: Which answers to the question count as passed: `{"categories": [...]}` or `{"at_least": number}`.
    passing = models.JSONField(_("counts as passed"), default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Job.choices, default=Job.QUEUED)
    error = models.TextField(_("error"), blank=True)
    total = models.PositiveIntegerField(_("answers"), default=0)
    calls = models.PositiveIntegerField(_("calls of models"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("begun by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    #: Renewed while a worker has it; once it is old another one goes on.
    beat_at = models.DateTimeField(_("last heard of"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("calibration")
        verbose_name_plural = _("calibrations")
        indexes = [
            models.Index(fields=["team", "-id"], name="calibration_team_newest"),
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="calibration_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.spec.get('name', '')} · {self.config}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.status not in GOING


class CalibrationCase(models.Model):
    """One answer: what people said of it, and what the evaluator says."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    calibration = models.ForeignKey(Calibration, models.CASCADE, related_name="cases", verbose_name=_("calibration"))
    position = models.PositiveIntegerField(_("position"))
    item = models.ForeignKey(
        "annotations.QueueItem", models.SET_NULL, null=True, related_name="+", verbose_name=_("queue item")
    )
    trace_id = models.UUIDField(_("trace"), null=True)
    question = models.TextField(_("question"), blank=True)
    answer = models.TextField(_("answer"), blank=True)
    inputs = models.JSONField(_("inputs"), default=dict)
    #: What people said, in words and as a number from 0 to 1.
    human_label = models.CharField(_("people say"), max_length=60)
    human_score = models.FloatField(_("people's score"))
    human_passed = models.BooleanField(_("passed by people"))
    is_judged = models.BooleanField(default=False, editable=False)
    score = models.FloatField(_("score"), null=True)
    passed = models.BooleanField(_("passed"), null=True)
    label = models.CharField(_("verdict"), max_length=60, blank=True)
    explanation = models.TextField(_("why"), blank=True)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True)

    class Meta:
        ordering = ["position"]
        verbose_name = _("answer of a calibration")
        verbose_name_plural = _("answers of calibrations")
        constraints = [
            models.UniqueConstraint(fields=["calibration", "position"], name="one_calibration_case_in_a_place")
        ]

    def __str__(self) -> str:
        return self.question[:80]
