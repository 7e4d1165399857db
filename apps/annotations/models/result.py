"""What an experiment found: for each item what the app answered, and what each evaluator says of that."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Result(models.Model):
    """One item of an experiment. Its run is a run like any other, with a trace of the same id."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "completed", _("Answered")
        #: The app gave no answer; every evaluator counts that as nought.
        FAILED = "failed", _("Failed")
        #: Not asked: the experiment was stopped, or its budget was spent.
        LEFT_OUT = "left-out", _("Left out")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    experiment = models.ForeignKey(
        "annotations.Experiment", models.CASCADE, related_name="results", verbose_name=_("experiment")
    )
    item = models.ForeignKey("annotations.GoldenItem", models.CASCADE, related_name="results", verbose_name=_("item"))
    #: The item's number in its set.
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    #: Of the run, and so of its trace. Retention may remove both: named and not joined.
    run_id = models.UUIDField(_("run"), null=True)
    #: Whether the app has answered, and only evaluators are still to be asked.
    is_answered = models.BooleanField(default=False, editable=False)
    answer = models.TextField(_("answer"), blank=True)
    outputs = models.JSONField(_("outputs"), default=dict)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True)
    calls = models.PositiveIntegerField(_("calls of models"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=6, null=True)
    elapsed = models.FloatField(_("elapsed"), null=True, help_text=_("Seconds."))
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["number"]
        verbose_name = _("result of an experiment")
        verbose_name_plural = _("results of experiments")
        constraints = [
            models.UniqueConstraint(fields=["experiment", "item"], name="one_result_of_an_item"),
            models.UniqueConstraint(fields=["experiment", "number"], name="one_result_of_a_number"),
        ]
        indexes = [
            models.Index(fields=["experiment", "status", "number"], name="result_by_status"),
            models.Index(fields=["run_id"], name="result_of_run"),
        ]

    def __str__(self) -> str:
        return str(self.number)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.status not in (self.Status.WAITING, self.Status.RUNNING)


class ResultScore(models.Model):
    """What one evaluator says of one answer. Without a score it could not say anything (`error_code`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    experiment = models.ForeignKey(
        "annotations.Experiment", models.CASCADE, related_name="scores", verbose_name=_("experiment")
    )
    result = models.ForeignKey(Result, models.CASCADE, related_name="scores", verbose_name=_("result"))
    #: The place of the evaluator among those of the experiment.
    place = models.PositiveSmallIntegerField(_("evaluator"))
    #: From 0 to 1.
    score = models.FloatField(_("score"), null=True)
    passed = models.BooleanField(_("passed"), null=True)
    label = models.CharField(_("verdict"), max_length=60, blank=True)
    explanation = models.TextField(_("why"), blank=True)
    #: What the kind has to show beyond that: the verdicts of both orders, what the code printed.
    details = models.JSONField(_("details"), default=dict)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True)
    calls = models.PositiveIntegerField(_("calls of models"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=6, null=True)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        ordering = ["place"]
        verbose_name = _("score of a result")
        verbose_name_plural = _("scores of results")
        constraints = [models.UniqueConstraint(fields=["result", "place"], name="one_score_of_an_evaluator")]
        indexes = [models.Index(fields=["experiment", "place", "passed"], name="result_score_by_place")]

    def __str__(self) -> str:
        return self.label or str(self.score)
