"""One person's work on one item: the lease, the draft, and that it was done."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.queue import ReviewQueue
from apps.annotations.models.queue_item import QueueItem
from apps.annotations.workbench.item_state import AssignmentState
from support.ids import uuid7


class Assignment(models.Model):
    """An item in somebody's hands. There is one per person and item, and one more where it is decided on."""

    class State(models.TextChoices):
        LEASED = AssignmentState.LEASED, _("In work")
        SUBMITTED = AssignmentState.SUBMITTED, _("Answered")
        SKIPPED = AssignmentState.SKIPPED, _("Skipped")
        LATER = AssignmentState.LATER, _("Put off")
        RELEASED = AssignmentState.RELEASED, _("Given back")

    class Role(models.TextChoices):
        REVIEW = "review", _("Review")
        DECISION = "decision", _("Decision")

    class SkipReason(models.TextChoices):
        UNCLEAR = "unclear", _("Cannot tell")
        KNOWLEDGE = "knowledge", _("Not my field")
        LANGUAGE = "language", _("Not my language")
        SENSITIVE = "sensitive", _("Sensitive")
        BROKEN = "broken", _("Broken or empty")
        OTHER = "other", _("Something else")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    queue = models.ForeignKey(ReviewQueue, models.CASCADE, related_name="assignments", verbose_name=_("queue"))
    item = models.ForeignKey(QueueItem, models.CASCADE, related_name="assignments", verbose_name=_("item"))
    # What somebody judged stays when the person leaves.
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("reviewer")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.REVIEW)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.LEASED)
    leased_until = models.DateTimeField(_("lease ends"), null=True, blank=True)
    #: Answers that are not given yet: question -> answer.
    draft = models.JSONField(_("draft"), default=dict)
    skip_reason = models.CharField(_("reason"), max_length=12, choices=SkipReason.choices, blank=True)
    skip_text = models.TextField(_("remark"), blank=True)
    claimed_at = models.DateTimeField(_("taken"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [models.UniqueConstraint(fields=["item", "annotator", "role"], name="one_assignment_per_person")]
        indexes = [
            models.Index(
                fields=["queue", "leased_until"], condition=models.Q(state="leased"), name="assignment_lease_ends"
            ),
            models.Index(fields=["queue", "annotator", "state", "-submitted_at"], name="assignment_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} · {self.get_state_display()}"
