"""One trace: what a run was, how long it took and what it cost, in a row that lists can be made of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Trace(models.Model):
    """The record of one finished run.

    Traces live behind a database alias of their own, so what they name in other apps (team, app, run,
    conversation, message) is a plain id with the facts worth listing copied beside it. A trace is written
    once and never changed.
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

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    application_id = models.UUIDField(_("app"))
    application_name = models.CharField(_("app"), max_length=200)
    application_slug = models.CharField(max_length=80, blank=True)
    version_number = models.PositiveIntegerField(_("version"), null=True)
    run_id = models.UUIDField(_("run"), unique=True)
    conversation_id = models.UUIDField(_("conversation"), null=True)
    message_id = models.UUIDField(_("message"), null=True)
    source = models.CharField(_("source"), max_length=20, choices=Source.choices)
    end_user = models.CharField(_("user"), max_length=200, blank=True)
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
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)
    total_tokens = models.BigIntegerField(_("tokens"), default=0)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    error_details = models.JSONField(_("error details"), default=dict)
    span_count = models.PositiveIntegerField(_("spans"), default=0)
    error_count = models.PositiveIntegerField(_("errors"), default=0)
    tags = models.JSONField(_("tags"), default=list)
    #: What had to be cut to fit: name of the value -> its size in bytes before.
    truncated = models.JSONField(_("truncated"), default=dict)

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
            models.Index(fields=["message_id"], condition=models.Q(message_id__isnull=False), name="trace_of_message"),
        ]

    def __str__(self) -> str:
        return self.input_preview or self.name
