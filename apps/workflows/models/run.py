"""A run of a version, and its event log."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Run(models.Model):
    """One execution. The row is a summary; the truth is its event log."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Waiting for a person")
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTIAL = "partial-succeeded", _("Partly succeeded")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    class Source(models.TextChoices):
        API = "api", _("API")
        CONSOLE = "console", _("Playground")
        PUBLIC = "public", _("Chat page")
        SHELL = "shell", _("Shell")
        TRIGGER = "trigger", _("Trigger")
        #: Asked by an experiment, to measure a version: nobody waits for the answer.
        EXPERIMENT = "experiment", _("Experiment")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="runs", verbose_name=_("app"))
    version = models.ForeignKey("workflows.Version", models.RESTRICT, related_name="+", verbose_name=_("version"))
    conversation = models.ForeignKey(
        "workflows.Conversation",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="runs",
        verbose_name=_("conversation"),
    )
    source = models.CharField(_("source"), max_length=20, choices=Source.choices)
    end_user = models.CharField(_("end user"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RUNNING)
    query = models.TextField(_("query"), blank=True)
    inputs = models.JSONField(_("inputs"), default=dict)
    outputs = models.JSONField(_("outputs"), default=dict)
    variables = models.JSONField(
        _("variables"), default=dict, help_text=_("Those of the conversation, as they were when the run began.")
    )
    error = models.JSONField(_("error"), null=True, blank=True)
    usage = models.JSONField(_("usage"), default=dict)
    total_tokens = models.PositiveIntegerField(_("tokens"), default=0)
    steps = models.PositiveIntegerField(_("steps"), default=0)
    elapsed = models.FloatField(_("elapsed"), null=True, blank=True, help_text=_("Seconds."))
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    stop_requested_at = models.DateTimeField(_("stop requested"), null=True, blank=True)
    #: The trigger's node where it began; empty for the start node.
    entry = models.CharField(_("began at"), max_length=64, blank=True)
    # A run that was forked took over what another one had done: up to its event `forked_at`, or all that does not
    # depend on the node `forked_node` (in the round `forked_frame`).
    forked_from = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="forks", verbose_name=_("forked from")
    )
    forked_at = models.PositiveIntegerField(_("forked at"), null=True, blank=True)
    forked_node = models.CharField(_("forked at node"), max_length=64, blank=True)
    forked_frame = models.CharField(max_length=2000, blank=True, editable=False)
    # Who executes it now. An owner that stops renewing its lease is taken for dead; `epoch` fences it off.
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=1, editable=False)
    # The trace of a caller that this is a part of, as its headers said (W3C trace context).
    traceparent = models.CharField(max_length=55, blank=True, default="", editable=False)
    tracestate = models.CharField(max_length=512, blank=True, default="", editable=False)
    # The workflows that it may call: slug -> id of the version that was published when it was accepted.
    called = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        indexes = [
            models.Index(fields=["application", "-id"], name="run_application_newest"),
            models.Index(fields=["team", "-id"], name="run_team_newest"),
            models.Index(fields=["lease_until"], condition=models.Q(status="running"), name="run_running_lease"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.RUNNING, self.Status.PAUSED)


class RunEvent(models.Model):
    """One row of a run's log: the event with sequence number `seq`, or a stretch of text events up to `last_seq`.

    Neighbouring pieces of text of one node share a row (payload `pieces`), so that a reader can be sent on from any
    piece without every token costing a row.
    """

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, models.CASCADE, related_name="events", verbose_name=_("run"))
    seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=30)
    payload = models.JSONField()

    class Meta:
        ordering = ["run_id", "seq"]
        verbose_name = _("run event")
        verbose_name_plural = _("run events")

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"
