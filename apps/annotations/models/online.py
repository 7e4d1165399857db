"""Online evaluation: a sample of live traffic is judged as it comes, within a budget for each day."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class OnlineEvaluation(models.Model):
    """Which answers of an app are judged by what, and what that may take in a day (UTC)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    name = models.CharField(_("name"), max_length=80)
    is_enabled = models.BooleanField(_("on"), default=True)
    sample_percent = models.FloatField(
        _("sample, %"), default=10.0, validators=[MinValueValidator(0.01), MaxValueValidator(100.0)]
    )
    evaluators = models.ManyToManyField("annotations.Evaluator", related_name="+", verbose_name=_("evaluators"))
    #: Filters of the list of traces: name -> value.
    filters = models.JSONField(_("only"), default=dict, blank=True)
    # The budget of a day; none: without end.
    daily_answers = models.PositiveIntegerField(_("most answers a day"), null=True, blank=True, default=200)
    daily_tokens = models.PositiveBigIntegerField(_("most tokens a day"), null=True, blank=True)
    daily_cost = models.DecimalField(_("highest cost a day"), max_digits=16, decimal_places=6, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    #: Traces that began before this were looked at.
    seen_until = models.DateTimeField(null=True, editable=False)
    #: Held by the worker that is at it.
    leased_until = models.DateTimeField(null=True, editable=False)
    error = models.TextField(_("error"), blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("online evaluation")
        verbose_name_plural = _("online evaluations")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_online_evaluation_of_a_name")]

    def __str__(self) -> str:
        return self.name


class TraceScore(models.Model):
    """What an evaluator says of one recorded answer. Without a score it could not say anything (`error_code`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    online = models.ForeignKey(
        OnlineEvaluation, models.CASCADE, related_name="scores", verbose_name=_("online evaluation")
    )
    application_id = models.UUIDField(_("app"))
    # Retention may remove the trace: named and not joined.
    trace_id = models.UUIDField(_("trace"))
    #: When the trace began: charts are about that, not about when it was judged.
    happened_at = models.DateTimeField(_("asked"))
    version_number = models.PositiveIntegerField(_("version"), null=True)
    #: The evaluator as it was (`Evaluator.as_spec`).
    spec = models.JSONField(_("evaluator"), default=dict)
    evaluator_id = models.UUIDField(_("evaluator"))
    #: From 0 to 1.
    score = models.FloatField(_("score"), null=True)
    passed = models.BooleanField(_("passed"), null=True)
    label = models.CharField(_("verdict"), max_length=60, blank=True)
    explanation = models.TextField(_("why"), blank=True)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True)
    calls = models.PositiveIntegerField(_("calls of models"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=6, default=Decimal(0))
    created_at = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        ordering = ["-happened_at"]
        verbose_name = _("score of a trace")
        verbose_name_plural = _("scores of traces")
        constraints = [
            models.UniqueConstraint(fields=["online", "trace_id", "evaluator_id"], name="one_online_score_of_a_trace")
        ]
        indexes = [
            models.Index(fields=["trace_id"], name="online_score_of_trace"),
            models.Index(fields=["online", "evaluator_id", "happened_at"], name="online_score_by_time"),
            models.Index(fields=["online", "created_at"], name="online_score_of_a_day"),
        ]

    def __str__(self) -> str:
        return self.label or str(self.score)
