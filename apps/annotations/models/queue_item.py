"""What waits in a queue, with a copy of what is judged."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.queue import ReviewQueue
from apps.annotations.workbench.item_state import ItemState
from support.ids import uuid7


class QueueItem(models.Model):
    """One message or trace to judge. Its texts are copied on entry: retention cannot empty a queue."""

    class Subject(models.TextChoices):
        MESSAGE = "message", _("Answer")
        TRACE = "trace", _("Trace")

    class Status(models.TextChoices):
        PENDING = ItemState.PENDING, _("To do")
        DISAGREED = ItemState.DISAGREED, _("Disagreement")
        COMPLETED = ItemState.COMPLETED, _("Done")
        ADJUDICATED = ItemState.ADJUDICATED, _("Decided")
        SET_ASIDE = ItemState.SET_ASIDE, _("Set aside")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    queue = models.ForeignKey(ReviewQueue, models.CASCADE, related_name="items", verbose_name=_("queue"))
    subject_kind = models.CharField(_("kind"), max_length=10, choices=Subject.choices)
    subject_id = models.UUIDField(_("subject"))
    #: Empty for traces from elsewhere.
    application_id = models.UUIDField(_("app"), null=True)
    application_name = models.CharField(_("app"), max_length=200, blank=True)
    trace_id = models.UUIDField(_("trace"), null=True)
    question = models.TextField(_("question"), blank=True)
    answer = models.TextField(_("answer"), blank=True)
    inputs = models.JSONField(_("inputs"), default=dict)
    #: Why it is here: a feed of queues, or by hand; and what somebody said about it.
    origin = models.CharField(_("came from"), max_length=12, choices=ReviewQueue.Feed.choices)
    remark = models.TextField(_("remark"), blank=True)
    status = models.CharField(_("state"), max_length=12, choices=Status.choices, default=Status.PENDING)
    wanted = models.PositiveSmallIntegerField(_("reviews wanted"), default=1)
    #: Places that are held: answers given and leases that run. Claims read it from the row they lock.
    taken = models.PositiveSmallIntegerField(_("places taken"), default=0)
    submitted = models.PositiveSmallIntegerField(_("reviews given"), default=0)
    created_at = models.DateTimeField(_("entered"), auto_now_add=True)
    completed_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("queue item")
        verbose_name_plural = _("queue items")
        constraints = [
            models.UniqueConstraint(fields=["queue", "subject_kind", "subject_id"], name="one_item_per_subject"),
            models.CheckConstraint(
                condition=models.Q(taken__lte=models.F("wanted")), name="no_more_reviews_than_wanted"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "id"],
                condition=models.Q(status="pending", taken__lt=models.F("wanted")),
                name="item_claimable",
            ),
            models.Index(fields=["queue", "status", "id"], name="item_by_status"),
            models.Index(fields=["subject_id"], name="item_of_subject"),
        ]

    def __str__(self) -> str:
        return self.question[:80] or str(self.subject_id)
