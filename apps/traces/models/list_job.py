"""What jobs over a whole list share: whose they are, what they go through, how far they are."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.traces.models.saved_view import Listed
from support.ids import uuid7


class ListJob(models.Model):
    """A job that goes through all rows a list shows, page by page, and goes on where it was interrupted."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "completed", _("Completed")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    user_id = models.UUIDField(_("asked by"))
    user_name = models.CharField(_("asked by"), max_length=150, blank=True)
    #: The teams whose rows it may reach, as ids; null for a superuser's, which reach all.
    team_ids = models.JSONField(_("teams"), null=True)
    table = models.CharField(_("list"), max_length=20, choices=Listed.choices)
    #: `Question.as_dict`: filters, search and a range of time that no longer moves.
    question = models.JSONField(_("filters"), default=dict)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.QUEUED)
    rows_done = models.BigIntegerField(_("rows"), default=0)
    #: Counted or estimated when it was asked for.
    rows_expected = models.BigIntegerField(_("expected rows"), default=0)
    #: Where the next page begins; empty at the start.
    cursor = models.CharField(max_length=120, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    #: Set after every page: a job whose worker died is taken up again once this is old.
    beat_at = models.DateTimeField(_("last heard of"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in (self.Status.DONE, self.Status.FAILED, self.Status.STOPPED)

    @property
    def per_cent(self) -> int:
        """How far it is: an estimate may be wrong, so only a finished job says 100."""
        if self.status == self.Status.DONE:
            return 100
        return min(99, 100 * self.rows_done // self.rows_expected) if self.rows_expected else 0
