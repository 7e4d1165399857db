"""What a team wants kept of its traces: how many, for how long, and without which data; and what follows from that."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class TracePolicy(models.Model):
    """The wishes of a team, or of one of its apps where that wants something else."""

    class Personal(models.TextChoices):
        """What `apps.traces.masking.personal` knows."""

        EMAIL = "email", _("E-mail addresses")
        PHONE = "phone", _("Phone numbers")
        CARD = "card", _("Card and account numbers")
        ID_NUMBER = "id_number", _("Identity numbers")
        IP = "ip", _("IP addresses")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    #: Empty for the whole team.
    application_id = models.UUIDField(_("app"), null=True, blank=True)
    application_name = models.CharField(_("app"), max_length=200, blank=True)
    sample_percent = models.DecimalField(
        _("keep"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Percent of runs that succeed. All are counted; others and reviewed ones are kept."),
    )
    retention_days = models.PositiveIntegerField(
        _("keep for"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Days. Traces that somebody reviewed are kept longer."),
    )
    #: Values of Personal; what an app wants taken out comes on top of what its team does.
    personal = models.JSONField(_("take out"), default=list, blank=True)
    #: `[{"name", "pattern"}]`.
    own_rules = models.JSONField(_("rules of your own"), default=list, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["application_name", "id"]
        verbose_name = _("trace policy")
        verbose_name_plural = _("trace policies")
        constraints = [
            models.UniqueConstraint(
                fields=["team_id", "application_id"], nulls_distinct=False, name="one_policy_for_each_app"
            )
        ]

    def __str__(self) -> str:
        return self.application_name or str(_("All apps"))


class PassedOver(models.Model):
    """A run that was counted and not kept, so that it is not counted again."""

    trace_id = models.UUIDField(primary_key=True, editable=False)
    team_id = models.UUIDField()

    def __str__(self) -> str:
        return str(self.trace_id)


class KeptTrace(models.Model):
    """A trace that somebody reviewed: it is kept whatever the sample says and however old it grows."""

    trace_id = models.UUIDField(primary_key=True, editable=False)
    team_id = models.UUIDField()
    reason = models.CharField(max_length=40)
    kept_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.trace_id)


class Erasure(models.Model):
    """That somebody's traces were deleted on request. It names nobody: the person is a hash of their id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    #: SHA-256 of team and id, in hexadecimal digits.
    person = models.CharField(_("person"), max_length=64)
    requested_by = models.CharField(_("requested by"), max_length=150)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    traces = models.PositiveIntegerField(_("traces"), default=0)
    spans = models.PositiveIntegerField(_("spans"), default=0)
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("deletion on request")
        verbose_name_plural = _("deletions on request")

    def __str__(self) -> str:
        return self.person[:12]
