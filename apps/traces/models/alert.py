"""Alerts: what is watched, each time it was out of bounds, and every notice that was sent about it."""

from __future__ import annotations

import secrets
from base64 import b64encode

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models import HoldsSecret
from support.ids import uuid7

#: Webhook secrets as the Standard Webhooks convention spells them.
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with, not one


class Alert(HoldsSecret):
    """A bound on one figure of a team's runs over a sliding window, and whom to tell when it is crossed.

    It lives beside the traces, so team and app are plain ids. The secret signs its webhook.
    """

    class Measure(models.TextChoices):
        ERROR_RATE = "error_rate", _("Share of failed runs, %")
        ERRORS = "errors", _("Failed runs")
        RUNS = "runs", _("Runs")
        LATENCY_P50 = "latency_p50", _("Duration, median, s")
        LATENCY_P95 = "latency_p95", _("Duration, 95th percentile, s")
        LATENCY_P99 = "latency_p99", _("Duration, 99th percentile, s")
        FIRST_TEXT_P95 = "first_text_p95", _("Time to first text, 95th percentile, s")
        COST = "cost", _("Cost")
        TOKENS = "tokens", _("Tokens")
        DISLIKES = "dislikes", _("Answers marked as not helpful")
        DISLIKE_RATE = "dislike_rate", _("Share of verdicts that say not helpful, %")

    class Direction(models.TextChoices):
        ABOVE = "above", _("Above")
        BELOW = "below", _("Below")

    class State(models.TextChoices):
        UNKNOWN = "unknown", _("Not checked yet")
        OK = "ok", _("Within bounds")
        FIRING = "firing", _("Firing")
        NO_DATA = "no_data", _("No data")

    class NoData(models.TextChoices):
        KEEP = "keep", _("Leave the alert as it is")
        OK = "ok", _("Count it as within bounds")
        TELL = "tell", _("Tell people that nothing arrives")

    class Window(models.IntegerChoices):
        FIVE_MINUTES = 5, _("5 minutes")
        QUARTER = 15, _("15 minutes")
        HALF = 30, _("30 minutes")
        HOUR = 60, _("1 hour")
        THREE_HOURS = 180, _("3 hours")
        SIX_HOURS = 360, _("6 hours")
        DAY = 1440, _("1 day")
        WEEK = 10080, _("7 days")

    class Cadence(models.IntegerChoices):
        MINUTE = 1, _("Every minute")
        FIVE_MINUTES = 5, _("Every 5 minutes")
        QUARTER = 15, _("Every 15 minutes")
        HOUR = 60, _("Every hour")

    class Reminder(models.IntegerChoices):
        NEVER = 0, _("Never")
        HOUR = 60, _("Every hour")
        FOUR_HOURS = 240, _("Every 4 hours")
        DAY = 1440, _("Every day")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"), editable=False)
    name = models.CharField(_("name"), max_length=120)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    measure = models.CharField(_("figure"), max_length=20, choices=Measure.choices, default=Measure.ERROR_RATE)
    direction = models.CharField(_("fires when it is"), max_length=10, choices=Direction.choices, default="above")
    threshold = models.DecimalField(_("threshold"), max_digits=18, decimal_places=6, validators=[MinValueValidator(0)])
    #: Empty: all apps of the team.
    application_id = models.UUIDField(_("app"), null=True, blank=True)
    application_name = models.CharField(max_length=200, blank=True, editable=False)
    window_minutes = models.PositiveIntegerField(_("over the last"), choices=Window.choices, default=Window.HOUR)
    every_minutes = models.PositiveIntegerField(_("checked"), choices=Cadence.choices, default=Cadence.FIVE_MINUTES)
    least_runs = models.PositiveIntegerField(
        _("needs at least"),
        default=5,
        help_text=_("Runs (or verdicts) in the window; with fewer there is no data. Sums and counts need none."),
    )
    no_data = models.CharField(_("without data"), max_length=10, choices=NoData.choices, default=NoData.KEEP)
    remind_minutes = models.PositiveIntegerField(
        _("remind while it fires"), choices=Reminder.choices, default=Reminder.FOUR_HOURS
    )
    tells_recovery = models.BooleanField(_("tell when it is within bounds again"), default=True)
    emails = models.JSONField(_("e-mail to"), default=list, blank=True)
    webhook_url = models.CharField(_("webhook"), max_length=1000, blank=True)
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True, editable=False)

    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.UNKNOWN, editable=False)
    since = models.DateTimeField(_("since"), null=True, editable=False)
    #: The last figure that was read; null without data.
    value = models.FloatField(_("last figure"), null=True, editable=False)
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, db_index=True)
    notified_at = models.DateTimeField(null=True, editable=False)
    #: Why the last check could not be made.
    failure = models.CharField(_("last failure"), max_length=300, blank=True, editable=False)
    created_by = models.CharField(_("made by"), max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        indexes = [models.Index(fields=["team_id", "state"], name="alert_team_state")]

    def __str__(self) -> str:
        return self.name

    def make_secret(self) -> None:
        """A new secret for its webhook; receivers must be told."""
        self.set_secret(SECRET_PREFIX + b64encode(secrets.token_bytes(24)).decode())


class AlertFiring(models.Model):
    """A time during which an alert was out of bounds or without data. Open until `ended_at`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="firings", verbose_name=_("alert"))
    team_id = models.UUIDField(_("team"))
    state = models.CharField(_("state"), max_length=10, choices=Alert.State.choices)
    #: The bound as it was then.
    direction = models.CharField(max_length=10, choices=Alert.Direction.choices)
    threshold = models.DecimalField(_("threshold"), max_digits=18, decimal_places=6)
    value = models.FloatField(_("figure at first"), null=True)
    worst = models.FloatField(_("worst figure"), null=True)
    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("firing")
        verbose_name_plural = _("firings")
        constraints = [
            models.UniqueConstraint(
                fields=["alert"], condition=models.Q(ended_at__isnull=True), name="one_open_firing_per_alert"
            )
        ]
        indexes = [models.Index(fields=["alert", "-id"], name="firing_of_alert")]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.began_at:%Y-%m-%d %H:%M}"


class AlertNotice(models.Model):
    """One message to one address about an alert; it is tried until it is sent or given up."""

    class Kind(models.TextChoices):
        FIRED = "fired", _("Fired")
        NO_DATA = "no_data", _("No data")
        REMINDER = "reminder", _("Still firing")
        RECOVERED = "recovered", _("Recovered")
        TEST = "test", _("Test")

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        WEBHOOK = "webhook", _("Webhook")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="notices", verbose_name=_("alert"))
    team_id = models.UUIDField(_("team"))
    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    channel = models.CharField(_("by"), max_length=10, choices=Channel.choices)
    target = models.CharField(_("to"), max_length=1000)
    #: What is told, as the webhook sends it.
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    tries = models.PositiveIntegerField(_("tries"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [models.Index(fields=["alert", "-id"], name="notice_of_alert")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.target}"

    @property
    def is_lost(self) -> bool:
        """Neither sent nor to be tried again."""
        return self.sent_at is None and self.due_at is None
