"""One refusal: a piece of code that met a wall of the sandbox, and which wall that was."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.sandbox.protocol import Language, Status
from support.ids import uuid7


class Refusal(models.Model):
    """Code that was stopped at a limit, killed for a system call, or denied something. Kept for some weeks.

    App, run and node live in apps above this one, so they are named and not joined.
    """

    #: The statuses of the wire format that a refusal can have.
    STATUSES = (
        (Status.ERROR.value, _("Denied")),
        (Status.TIMEOUT.value, _("Time limit")),
        (Status.MEMORY.value, _("Memory limit")),
        (Status.OUTPUT_LIMIT.value, _("Output limit")),
        (Status.KILLED.value, _("Killed")),
        (Status.PROTOCOL.value, _("Forged result")),
    )
    LANGUAGES = ((Language.PYTHON.value, "Python"), (Language.JAVASCRIPT.value, "JavaScript"))

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    app_slug = models.CharField(_("app"), max_length=80, blank=True)
    run_id = models.CharField(_("run"), max_length=100, blank=True)
    node_id = models.CharField(_("node"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=20, choices=LANGUAGES)
    profile = models.CharField(_("profile"), max_length=40)
    status = models.CharField(_("outcome"), max_length=20, choices=STATUSES)
    system_call = models.CharField(_("system call"), max_length=60, blank=True)
    error_type = models.CharField(_("error"), max_length=100, blank=True)
    message = models.TextField(_("message"), blank=True)
    #: Tells whether two refusals are of the same code, without keeping anybody's code here.
    code_sha256 = models.CharField(_("code (SHA-256)"), max_length=64)
    #: `{"usage": {...}, "limits": {...}}` of the run.
    details = models.JSONField(_("details"), default=dict)
    created_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        indexes = [
            models.Index(fields=["team", "-id"], name="refusal_team_newest"),
            models.Index(fields=["run_id"], condition=~models.Q(run_id=""), name="refusal_of_run"),
        ]

    def __str__(self) -> str:
        return self.system_call or self.error_type or self.status
