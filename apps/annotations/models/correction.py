"""A better answer that a person wrote."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Correction(models.Model):
    """An answer as it was and as it should have been. The original never changes (a trigger sees to it).

    Approving it makes what is switched on for the app (`CorrectionSettings`); withdrawing the approval takes all of
    that out of use. At most one correction of a message is approved at a time.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PROPOSED = "proposed", _("Waits for approval")
        APPROVED = "approved", _("Approved")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    # Retention may remove the message; what somebody wrote about it stays.
    message = models.ForeignKey(
        "workflows.Message", models.SET_NULL, null=True, related_name="+", verbose_name=_("message")
    )
    #: The run that gave the answer: traces have its id, and may outlive the message.
    trace_id = models.UUIDField(_("trace"), null=True, editable=False)
    queue_item = models.ForeignKey(
        "annotations.QueueItem",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="corrections",
        verbose_name=_("queue item"),
    )
    question = models.TextField(_("question"))
    original = models.TextField(_("original answer"), editable=False)
    corrected = models.TextField(_("corrected answer"))
    #: Words kept, added and removed.
    diff_stats = models.JSONField(_("changes"), default=dict, editable=False)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.DRAFT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            models.UniqueConstraint(
                fields=["message"],
                condition=models.Q(status="approved"),
                name="one_approved_correction_per_message",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="correction_team_newest"),
            models.Index(fields=["team", "-id"], condition=models.Q(status="proposed"), name="correction_waiting"),
        ]

    def __str__(self) -> str:
        return self.question[:80]

    @property
    def is_approved(self) -> bool:
        return self.status == self.Status.APPROVED

    @property
    def is_proposed(self) -> bool:
        return self.status == self.Status.PROPOSED


class CorrectionStep(models.Model):
    """Something that somebody did with a correction, and when. Steps are never changed."""

    class Kind(models.TextChoices):
        WRITTEN = "written", _("Written")
        PROPOSED = "proposed", _("Proposed")
        APPROVED = "approved", _("Approved")
        SENT_BACK = "sent-back", _("Sent back")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REPLACED = "replaced", _("Replaced by another")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    correction = models.ForeignKey(Correction, models.CASCADE, related_name="steps", verbose_name=_("correction"))
    kind = models.CharField(_("step"), max_length=12, choices=Kind.choices)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    remark = models.CharField(_("remark"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("step of a correction")
        verbose_name_plural = _("steps of corrections")

    def __str__(self) -> str:
        return str(self.get_kind_display())
