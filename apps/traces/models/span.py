"""One span: a step of a run, with its large values in a row of their own."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.traces.models.trace import Trace
from support.ids import uuid7


class Span(models.Model):
    """A step of a run: when it began, how long it took, how it ended. Facts of the trace are copied."""

    class Kind(models.TextChoices):
        RUN = "run", _("Run")
        START = "start", _("Start")
        LLM = "llm", _("Model")
        RETRIEVAL = "retrieval", _("Retrieval")
        BRANCH = "branch", _("Branch")
        AGGREGATE = "aggregate", _("Aggregator")
        ANSWER = "answer", _("Answer")
        END = "end", _("End")
        CODE = "code", _("Code")
        TEMPLATE = "template", _("Template")
        HTTP = "http", _("HTTP request")
        TOOL = "tool", _("Tool")
        AGENT = "agent", _("Agent")
        LOOP = "loop", _("Loop")
        HUMAN = "human", _("Human")
        OTHER = "other", _("Other")

    class Status(models.TextChoices):
        OK = "ok", _("Succeeded")
        ERROR = "error", _("Failed")
        #: Began and has no end: the run was stopped or its process died.
        STOPPED = "stopped", _("Stopped")
        SKIPPED = "skipped", _("Skipped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trace = models.ForeignKey(Trace, models.CASCADE, related_name="spans", verbose_name=_("trace"))
    team_id = models.UUIDField(_("team"))
    application_id = models.UUIDField(_("app"))
    conversation_id = models.UUIDField(_("conversation"), null=True)
    end_user = models.CharField(_("user"), max_length=200, blank=True)
    parent_id = models.UUIDField(_("parent"), null=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    node_id = models.CharField(_("node"), max_length=200, blank=True)
    node_type = models.CharField(_("node type"), max_length=100, blank=True)
    predecessor = models.CharField(_("after"), max_length=200, blank=True)
    #: The way on that a branching node chose.
    handle = models.CharField(_("way on"), max_length=200, blank=True)
    #: Place in the tree, depth first.
    position = models.PositiveIntegerField(_("position"))
    #: Which started node it was, from 1; empty for the run itself and for skipped nodes.
    index = models.PositiveIntegerField(_("step"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    offset_us = models.BigIntegerField(_("offset"), null=True)
    duration_us = models.BigIntegerField(_("duration"), null=True)
    first_text_us = models.BigIntegerField(_("time to first text"), null=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    #: The workflow went on by an error branch or a default.
    error_handled = models.BooleanField(_("error handled"), default=False)
    input_preview = models.CharField(_("input"), max_length=200, blank=True)
    output_preview = models.CharField(_("output"), max_length=200, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    provider = models.CharField(_("provider"), max_length=100, blank=True)
    input_tokens = models.BigIntegerField(_("input tokens"), default=0)
    output_tokens = models.BigIntegerField(_("output tokens"), default=0)
    cached_tokens = models.BigIntegerField(_("cached input tokens"), default=0)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)

    class Meta:
        ordering = ["trace", "position"]
        verbose_name = _("span")
        verbose_name_plural = _("spans")
        indexes = [
            models.Index(fields=["trace", "position"], name="span_of_trace"),
            models.Index(
                fields=["team_id", "-started_at", "-id"],
                condition=models.Q(started_at__isnull=False),
                name="span_team_newest",
            ),
            models.Index(
                fields=["team_id", "-started_at", "-id"],
                condition=models.Q(status="error"),
                name="span_team_errors",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def total_tokens(self) -> int:
        """Input and output together; cached and reasoning tokens are parts of these."""
        return self.input_tokens + self.output_tokens


class SpanPayload(models.Model):
    """The large values of a span, read only when somebody opens it."""

    span = models.OneToOneField(Span, models.CASCADE, primary_key=True, related_name="payload", verbose_name=_("span"))
    inputs = models.JSONField(_("inputs"), default=dict)
    outputs = models.JSONField(_("outputs"), default=dict)
    #: What its author wants to see besides: prompt messages, parameters, hits of every leg.
    process = models.JSONField(_("process"), default=dict)
    #: The text it produced while it ran; all there is of a model's answer that broke off.
    text = models.TextField(_("text"), blank=True)
    error_details = models.JSONField(_("error details"), default=dict)
    #: What had to be cut to fit: name of the value -> its size in bytes before.
    truncated = models.JSONField(_("truncated"), default=dict)

    class Meta:
        verbose_name = _("span payload")
        verbose_name_plural = _("span payloads")

    def __str__(self) -> str:
        return str(self.span_id)
