"""One trace: what a run was, how long it took and what it cost, in a row that lists can be made of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Trace(models.Model):
    """The record of one finished run, or of what a program elsewhere did and told us.

    Traces live behind a database alias of their own, so what they name in other apps (team, app, run,
    conversation, message) is a plain id with the facts worth listing copied beside it. The trace of a run is
    written once and never changed; one from elsewhere grows with each batch of spans that arrives.
    """

    class Status(models.TextChoices):
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTIAL = "partial-succeeded", _("Partly succeeded")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        #: The log ends without saying how the run ended.
        INCOMPLETE = "incomplete", _("Incomplete")

    class Source(models.TextChoices):
        API = "api", _("API")
        CONSOLE = "console", _("Playground")
        PUBLIC = "public", _("Chat page")
        SHELL = "shell", _("Shell")
        TRIGGER = "trigger", _("Trigger")
        EXPERIMENT = "experiment", _("Experiment")
        #: Sent by a program over OpenTelemetry's protocol.
        OTLP = "otlp", _("OpenTelemetry")

    #: What nobody asked for: it is no traffic, so figures and alerts leave it out unless they are told otherwise.
    NO_TRAFFIC = (Source.EXPERIMENT,)

    #: Time-ordered: its first bits are the start. The partitions are ranges of it.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    #: Empty for traces from elsewhere; their `application_name` is the name of the service.
    application_id = models.UUIDField(_("app"), null=True)
    application_name = models.CharField(_("app"), max_length=200)
    application_slug = models.CharField(max_length=80, blank=True)
    version_number = models.PositiveIntegerField(_("version"), null=True)
    #: The run, whose id the trace has; empty for traces from elsewhere.
    run_id = models.UUIDField(_("run"), null=True)
    #: The id by which other programs know the trace, 32 hexadecimal digits, and the span there that caused it.
    external_id = models.CharField(max_length=32, blank=True)
    external_parent = models.CharField(max_length=16, blank=True)
    #: The key of the span that the trace begins with; empty while that has not come.
    root_key = models.CharField(max_length=16, blank=True)
    conversation_id = models.UUIDField(_("conversation"), null=True)
    #: What the trace belongs to: a conversation of ours, or whatever its sender calls a session.
    session = models.CharField(_("session"), max_length=200, blank=True)
    message_id = models.UUIDField(_("message"), null=True)
    source = models.CharField(_("source"), max_length=20, choices=Source.choices)
    end_user = models.CharField(_("user"), max_length=200, blank=True)
    environment = models.CharField(_("environment"), max_length=100, blank=True)
    release = models.CharField(_("release"), max_length=100, blank=True)
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices)
    started_at = models.DateTimeField(_("started"))
    duration_us = models.BigIntegerField(_("duration"))
    first_text_us = models.BigIntegerField(_("time to first text"), null=True)
    input_preview = models.CharField(_("input"), max_length=200, blank=True)
    output_preview = models.CharField(_("output"), max_length=200, blank=True)
    #: `{"query", "inputs"}` of the run.
    input = models.JSONField(_("input"), default=dict)
    #: `{"answer", "outputs"}` of the run, and `replaced` where an answer took another's place.
    output = models.JSONField(_("output"), default=dict)
    input_tokens = models.BigIntegerField(_("input tokens"), default=0)
    output_tokens = models.BigIntegerField(_("output tokens"), default=0)
    cached_tokens = models.BigIntegerField(_("cached input tokens"), default=0)
    cache_write_tokens = models.BigIntegerField(_("tokens written to a cache"), default=0)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)
    total_tokens = models.BigIntegerField(_("tokens"), default=0)
    #: The sum over the calls whose prices are known; null where none is.
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    #: Calls of models whose prices nobody knows: with any, the cost is a lower bound.
    unpriced_calls = models.PositiveIntegerField(_("calls without a price"), default=0)
    #: Names of the models that were called.
    models_used = models.JSONField(_("models"), default=list)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    error_details = models.JSONField(_("error details"), default=dict)
    span_count = models.PositiveIntegerField(_("spans"), default=0)
    error_count = models.PositiveIntegerField(_("errors"), default=0)
    tags = models.JSONField(_("tags"), default=list)
    #: What had to be cut to fit: name of the value -> its size in bytes before.
    truncated = models.JSONField(_("truncated"), default=dict)

    updated_at = models.DateTimeField(_("last span arrived"), auto_now=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = _("trace")
        verbose_name_plural = _("traces")
        indexes = [
            models.Index(fields=["team_id", "-started_at", "-id"], name="trace_team_newest"),
            models.Index(fields=["application_id", "-started_at", "-id"], name="trace_app_newest"),
            models.Index(fields=["-started_at", "-id"], name="trace_newest"),
            models.Index(
                fields=["team_id", "-started_at", "-id"],
                condition=~models.Q(status="succeeded"),
                name="trace_team_troubled",
            ),
            models.Index(
                fields=["conversation_id", "started_at"],
                condition=models.Q(conversation_id__isnull=False),
                name="trace_of_conversation",
            ),
            models.Index(fields=["team_id", "external_id"], condition=~models.Q(external_id=""), name="trace_external"),
            models.Index(
                fields=["team_id", "session", "started_at"], condition=~models.Q(session=""), name="trace_of_session"
            ),
            models.Index(
                fields=["team_id", "end_user", "-started_at"], condition=~models.Q(end_user=""), name="trace_of_user"
            ),
            models.Index(fields=["message_id"], condition=models.Q(message_id__isnull=False), name="trace_of_message"),
        ]

    def __str__(self) -> str:
        return self.input_preview or self.name
