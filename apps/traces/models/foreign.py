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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team_id", "external_id"], name="foreign_trace_once")]

    def __str__(self) -> str:
        return self.external_id
