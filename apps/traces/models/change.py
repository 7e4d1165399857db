"""Changes to all traces that a list shows: a tag given or taken, or the traces deleted."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.traces.models.list_job import ListJob


class TraceChange(ListJob):
    """One action on everything that fits some filters; the record stays when the rows are gone."""

    class Action(models.TextChoices):
        ADD_TAG = "add_tag", _("Add a tag")
        REMOVE_TAG = "remove_tag", _("Remove a tag")
        DELETE = "delete", _("Delete")

    action = models.CharField(_("action"), max_length=20, choices=Action.choices)
    #: The tag, for the actions that have one.
    value = models.CharField(_("tag"), max_length=60, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("trace change")
        verbose_name_plural = _("trace changes")
        indexes = [
            models.Index(fields=["team_id", "-created_at"], name="trace_change_newest"),
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="trace_change_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.value}" if self.value else str(self.get_action_display())
