"""One span: a step of a run, with its large values in a row of their own."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
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
        #: Kinds that only traces from elsewhere name.
        EMBEDDING = "embedding", _("Embedding")
        RERANKER = "reranker", _("Reranker")
        CHAIN = "chain", _("Chain")
        GUARDRAIL = "guardrail", _("Guardrail")
        EVALUATOR = "evaluator", _("Evaluator")
        EVENT = "event", _("Event")
        OTHER = "other", _("Other")

    class Status(models.TextChoices):
        OK = "ok", _("Succeeded")
        ERROR = "error", _("Failed")
        #: Began and has no end: the run was stopped or its process died.
        STOPPED = "stopped", _("Stopped")
        SKIPPED = "skipped", _("Skipped")

    #: Time-ordered: its first bits are the start (of the trace, for a skipped span). The partitions are ranges of it.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    trace = models.ForeignKey(
        Trace, models.DO_NOTHING, related_name="spans", verbose_name=_("trace"), db_constraint=False, db_index=False
    )
    team_id = models.UUIDField(_("team"))
    application_id = models.UUIDField(_("app"), null=True)
    application_name = models.CharField(_("app"), max_length=200, blank=True)
    conversation_id = models.UUIDField(_("conversation"), null=True)
    session = models.CharField(_("session"), max_length=200, blank=True)
    end_user = models.CharField(_("user"), max_length=200, blank=True)
    environment = models.CharField(_("environment"), max_length=100, blank=True)
    release = models.CharField(_("release"), max_length=100, blank=True)
    tags = models.JSONField(_("tags"), default=list)
    #: Span ids as OpenTelemetry has them, 16 hexadecimal digits; a parent may arrive later, or never.
    key = models.CharField(max_length=16)
    parent_key = models.CharField(max_length=16, blank=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    node_id = models.CharField(_("node"), max_length=200, blank=True)
    node_type = models.CharField(_("node type"), max_length=100, blank=True)
    predecessor = models.CharField(_("after"), max_length=200, blank=True)
    #: The way on that a branching node chose.
    handle = models.CharField(_("way on"), max_length=200, blank=True)
    #: Place in the tree, depth first; 0 for spans from elsewhere, which arrive in any order.
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
    cache_write_tokens = models.BigIntegerField(_("tokens written to a cache"), default=0)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)
    #: What the call cost; null where nobody knows the model's prices, and for spans that call no model.
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    #: The row of prices that it was reckoned with.
    price_id = models.UUIDField(null=True)
    #: Words of the name, the input, the output and the error, capped.
    search = SearchVectorField(null=True)

    class Meta:
        ordering = ["trace", "position", "started_at", "id"]
        verbose_name = _("span")
        verbose_name_plural = _("spans")
        indexes = [
            models.Index(fields=["trace", "position"], name="span_of_trace"),
            GinIndex(fields=["search"], name="span_words"),
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

    span = models.OneToOneField(
        Span,
        models.DO_NOTHING,
        primary_key=True,
        related_name="payload",
        verbose_name=_("span"),
        db_constraint=False,
    )
    inputs = models.JSONField(_("inputs"), default=dict)
    outputs = models.JSONField(_("outputs"), default=dict)
    #: What its author wants to see besides: prompt messages, parameters, hits of every leg.
    process = models.JSONField(_("process"), default=dict)
    #: The text it produced while it ran; all there is of a model's answer that broke off.
    text = models.TextField(_("text"), blank=True)
    error_details = models.JSONField(_("error details"), default=dict)
    #: What else its sender said, by the names of OpenTelemetry.
    attributes = models.JSONField(_("attributes"), default=dict)
    #: `[{"name", "at_us" (since the start of the span), "attributes"}]`.
    events = models.JSONField(_("events"), default=list)
    #: `[{"trace_id", "span_id", "attributes"}]`, ids in hexadecimal digits.
    links = models.JSONField(_("links"), default=list)
    #: Token counts as the provider named them.
    usage = models.JSONField(_("usage"), default=dict)
    #: Cost by bucket, as decimal strings: `input`, `cache_read`, `cache_write`, `output`, `reasoning`.
    costs = models.JSONField(_("costs"), default=dict)
    #: What had to be cut to fit: name of the value -> its size in bytes before.
    truncated = models.JSONField(_("truncated"), default=dict)

    class Meta:
        verbose_name = _("span payload")
        verbose_name_plural = _("span payloads")

    def __str__(self) -> str:
        return str(self.span_id)
