"""One thought: a call of a model within a run, with what it was asked with and what it decided."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.traces.models.span import Span
from apps.traces.models.trace import Trace
from support.ids import uuid7


class AgentThought(models.Model):
    """One call of a model: its text, the tool it chose and what came of it, tokens, latency, parameters."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trace = models.ForeignKey(
        Trace, models.DO_NOTHING, related_name="thoughts", verbose_name=_("trace"), db_constraint=False, db_index=False
    )
    span = models.ForeignKey(
        Span, models.DO_NOTHING, related_name="thoughts", verbose_name=_("span"), db_constraint=False
    )
    team_id = models.UUIDField(_("team"))
    application_id = models.UUIDField(_("app"), null=True)
    conversation_id = models.UUIDField(_("conversation"), null=True)
    message_id = models.UUIDField(_("message"), null=True)
    #: From 1, in the order in which the calls began.
    position = models.PositiveIntegerField(_("position"))
    started_at = models.DateTimeField(_("started"))
    thought = models.TextField(_("thought"), blank=True)
    tool = models.CharField(_("tool"), max_length=200, blank=True)
    tool_input = models.JSONField(_("tool input"), default=dict)
    observation = models.TextField(_("observation"), blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    provider = models.CharField(_("provider"), max_length=100, blank=True)
    parameters = models.JSONField(_("model parameters"), default=dict)
    finish_reason = models.CharField(_("finish reason"), max_length=50, blank=True)
    input_tokens = models.BigIntegerField(_("input tokens"), default=0)
    output_tokens = models.BigIntegerField(_("output tokens"), default=0)
    cached_tokens = models.BigIntegerField(_("cached input tokens"), default=0)
    cache_write_tokens = models.BigIntegerField(_("tokens written to a cache"), default=0)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)
    #: What the call cost; null where nobody knows the model's prices.
    price = models.DecimalField(_("price"), max_digits=20, decimal_places=10, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    latency_us = models.BigIntegerField(_("latency"))
    price_id = models.UUIDField(null=True)
    first_text_us = models.BigIntegerField(_("time to first text"), null=True)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = _("agent thought")
        verbose_name_plural = _("agent thoughts")
        indexes = [
            models.Index(fields=["trace", "position"], name="thought_of_trace"),
            models.Index(fields=["team_id", "-started_at", "-id"], name="thought_team_newest"),
            models.Index(fields=["team_id", "model", "-started_at"], name="thought_team_model"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.thought[:80]}"
