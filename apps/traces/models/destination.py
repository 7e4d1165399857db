"""Where a team's own traces are sent on to, and what waits to be sent."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models.secret import HoldsSecret
from support.ids import uuid7


class TraceDestination(HoldsSecret):
    """An OTLP receiver elsewhere that gets the traces of a team's runs. Its headers are kept encrypted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"), unique=True)
    endpoint = models.CharField(_("address"), max_length=500)
    is_on = models.BooleanField(_("send"), default=True)
    with_content = models.BooleanField(_("with content"), default=False)
    sent = models.BigIntegerField(_("sent"), default=0)
    dropped = models.BigIntegerField(_("given up"), default=0)
    last_sent_at = models.DateTimeField(_("last sent"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True)
    #: Nothing is sent before this: the receiver asked for a pause, or did not answer.
    paused_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    #: Which process sends to it just now.
    busy_by = models.CharField(max_length=32, blank=True)
    busy_until = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("destination of traces")
        verbose_name_plural = _("destinations of traces")

    def __str__(self) -> str:
        return self.endpoint


class OutgoingTrace(models.Model):
    """A trace that waits to be sent on; written in the transaction that writes the trace."""

    trace_id = models.UUIDField(primary_key=True)
    team_id = models.UUIDField()
    queued_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("outgoing trace")
        verbose_name_plural = _("outgoing traces")
        indexes = [models.Index(fields=["team_id", "trace_id"], name="outgoing_of_team")]

    def __str__(self) -> str:
        return str(self.trace_id)
