"""A question that a run asks a person, and the reply."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


def new_token() -> str:
    """What a link to the question holds: whoever has it may answer."""
    return secrets.token_urlsafe(32)


class Wait(models.Model):
    """One node of one run that waits. The run's log holds the same facts; this row is where a reply arrives."""

    class Delivery(models.TextChoices):
        NONE = "", _("None")
        DUE = "due", _("Due")
        DONE = "done", _("Sent")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    run = models.ForeignKey("workflows.Run", models.CASCADE, related_name="waits", verbose_name=_("run"))
    frame = models.CharField(max_length=2_000, blank=True, editable=False)
    node_id = models.CharField(_("node"), max_length=64)
    asks = models.JSONField(_("question"), default=dict)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    reply = models.JSONField(_("reply"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    #: Whether the run's log holds the reply.
    seen = models.BooleanField(default=False, editable=False)
    answered_by = models.CharField(_("answered by"), max_length=200, blank=True)

    #: Whether the letters with its link have been sent, how often that was tried, and why it failed.
    delivery = models.CharField(_("delivery"), max_length=10, choices=Delivery.choices, blank=True, default="")
    delivery_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    delivery_error = models.CharField(_("delivery error"), max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("open question")
        verbose_name_plural = _("open questions")
        constraints = [models.UniqueConstraint(fields=["run", "frame", "node_id"], name="wait_once_per_node")]
        indexes = [
            models.Index(fields=["until"], condition=models.Q(answered_at=None), name="wait_open_until"),
            models.Index(fields=["team", "-id"], condition=models.Q(answered_at=None), name="wait_open_of_team"),
            models.Index(fields=["id"], condition=models.Q(delivery="due"), name="wait_to_be_delivered"),
        ]

    def __str__(self) -> str:
        return f"{self.node_id} of {self.run_id}"
