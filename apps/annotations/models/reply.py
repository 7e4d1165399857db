"""How an app answers from its annotations, and the jobs that change it."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.training_set import GOING, Job
from support.ids import uuid7


class ReplySetting(models.Model):
    """What a team set for an app's annotations and examples, and where their vectors are.

    What is empty is as the app's document says. `model`, `space` and `slot` say what is searched now; `wanted_model`
    what is asked for: a `ReplyJob` makes the vectors in the other slot, and then the setting turns to them at once.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.OneToOneField("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    is_enabled = models.BooleanField(_("answer from annotations"), null=True, blank=True)
    threshold = models.FloatField(
        _("similarity needed"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    wanted_model = models.CharField(_("embedding model"), max_length=200, blank=True)
    model = models.CharField(max_length=200, blank=True, editable=False)
    space = models.CharField(max_length=200, blank=True, editable=False)
    #: 0: `embedding` of the rows; 1: `second_embedding`.
    slot = models.PositiveSmallIntegerField(default=0, editable=False)
    #: When the slot changed last: what the other one still holds may be forgotten some time after.
    turned_at = models.DateTimeField(null=True, editable=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("set by")
    )
    updated_at = models.DateTimeField(_("set"), auto_now=True)

    class Meta:
        verbose_name = _("annotation reply")
        verbose_name_plural = _("annotation reply")
        constraints = [models.CheckConstraint(condition=models.Q(slot__in=[0, 1]), name="reply_setting_slot")]

    def __str__(self) -> str:
        return str(self.application_id)


class ReplyJob(models.Model):
    """Switching annotation reply, or moving the answers of an app to another embedding model."""

    class Action(models.TextChoices):
        ENABLE = "enable", _("Switch on")
        DISABLE = "disable", _("Switch off")
        EMBED = "embed", _("Embed questions")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    action = models.CharField(_("action"), max_length=10, choices=Action.choices)
    #: The model that is to embed, and its space once it is known.
    model = models.CharField(_("embedding model"), max_length=200, blank=True)
    space = models.CharField(max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Job.choices, default=Job.QUEUED)
    total = models.PositiveIntegerField(_("questions"), default=0)
    done = models.PositiveIntegerField(_("embedded"), default=0)
    #: How often its model did not answer since it last did.
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(_("error"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    beat_at = models.DateTimeField(_("last heard of"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("job of annotation reply")
        verbose_name_plural = _("jobs of annotation reply")
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_reply_job_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["application", "-id"], name="reply_job_newest"),
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="reply_job_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.get_action_display()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status not in GOING

    @property
    def per_cent(self) -> int:
        """How far it is; only a finished one says 100."""
        if self.status == Job.DONE:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0
