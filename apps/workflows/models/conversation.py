"""A dialogue of one end user with one app."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.workflows.models.run import Run
from support.ids import uuid7


class Conversation(models.Model):
    """The turns of one end user with one app, and the variables that live across them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="conversations", verbose_name=_("app")
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    # API callers and the chat page never see each other's conversations, even with equal user names.
    source = models.CharField(_("source"), max_length=20, choices=Run.Source.choices)
    end_user = models.CharField(_("end user"), max_length=200, blank=True)
    inputs = models.JSONField(_("inputs"), default=dict)
    variables = models.JSONField(_("variables"), default=dict)
    # The turn of another conversation that this one begins in place of; what had been said before counts here too.
    branched_from = models.ForeignKey(
        "workflows.Message", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("branched from")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            models.Index(fields=["application", "source", "end_user", "-updated_at"], name="conversation_of_user"),
            models.Index(fields=["team", "-id"], name="conversation_team_newest"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)


class Message(models.Model):
    """One turn: a question and its answer.

    `metadata` holds what the answer was made of, as it was then: `retriever_resources` (citations with page, offsets
    and text), `usage`, and `annotation_reply` where a curated answer was given.
    """

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        NORMAL = "normal", _("Answered")
        ERROR = "error", _("Error")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, related_name="messages", verbose_name=_("app")
    )
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", verbose_name=_("conversation")
    )
    run = models.OneToOneField("workflows.Run", models.CASCADE, related_name="message", verbose_name=_("run"))
    query = models.TextField(_("question"))
    answer = models.TextField(_("answer"), blank=True)
    inputs = models.JSONField(_("inputs"), default=dict)
    metadata = models.JSONField(_("metadata"), default=dict)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RUNNING)
    error = models.JSONField(_("error"), null=True, blank=True)
    input_tokens = models.PositiveIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveIntegerField(_("output tokens"), default=0)
    latency = models.FloatField(_("latency"), null=True, blank=True, help_text=_("Seconds."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index(fields=["conversation", "id"], name="message_in_conversation")]

    def __str__(self) -> str:
        return self.query[:80]
