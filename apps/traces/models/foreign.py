"""Which trace of ours the spans of a trace from elsewhere belong to."""

from __future__ import annotations

from django.db import models


class ForeignTrace(models.Model):
    """The trace that a team's programs know by an id of their own; made by whoever brings its first span."""

    #: The trace; its row is written in the same transaction.
    trace_id = models.UUIDField(primary_key=True, editable=False)
    team_id = models.UUIDField()
    #: 32 hexadecimal digits.
    external_id = models.CharField(max_length=32)
    #: False for spans that came while the run of ours that they belong to had no trace yet: its sums lack them.
    is_counted = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["trace_id"], condition=models.Q(is_counted=False), name="foreign_trace_waiting"),
        ]
        constraints = [models.UniqueConstraint(fields=["team_id", "external_id"], name="foreign_trace_once")]

    def __str__(self) -> str:
        return self.external_id
