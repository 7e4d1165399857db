"""How the sandbox is: its walls, its profiles, its load, and what it refused lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.sandbox.models import Refusal
from apps.sandbox.pages.report import MOST_REFUSALS, TOLD, report_of
from apps.sandbox.selectors.condition import Condition, State, current_condition
from apps.sandbox.selectors.refusals import refusals_of, trace_url

START_COMMAND = "SANDBOX_API_KEY=... python -m apps.sandbox.sidecar --listen 0.0.0.0:8194"
CONNECT_COMMAND = "SANDBOX_URL=http://sandbox-host:8194 SANDBOX_API_KEY=... make up"
VIEW = "sandbox.view_refusal"
#: State -> (tone, icon, what it is called, what it means for code nodes).
STATES = {
    State.OK: ("success", "shield-check", _("Ready"), _("Code and template nodes run isolated.")),
    State.DEGRADED: (
        "warning",
        "triangle-alert",
        _("Weakened"),
        _("Code runs, and at least one layer of its isolation is switched off or did not come up."),
    ),
    State.STARTING: ("running", "loader-circle", _("Starting"), _("Code nodes wait a few seconds for it.")),
    State.OFF: ("neutral", "circle-dashed", _("Off"), _("Code and template nodes fail and say why; all else works.")),
    State.UNREACHABLE: (
        "error",
        "unplug",
        _("Not reachable"),
        _("It is configured and does not answer. Code and template nodes fail until it does."),
    ),
    State.UNAUTHORIZED: (
        "error",
        "key-round",
        _("Key refused"),
        _("It answers and does not take our key. Set the same SANDBOX_API_KEY on both sides."),
    ),
}


def health(request: HttpRequest) -> HttpResponse:
    """The page; `?part=body` gives what its refresh replaces."""
    user: Any = request.user
    if not user.has_perm(VIEW):
        raise PermissionDenied
    condition = current_condition()
    body = request.GET.get("part") == "body"
    template = "sandbox/parts/health.html" if body else "sandbox/health.html"
    return TemplateResponse(request, template, {**_context(condition, user), "tabs": _tabs()})


def _context(condition: Condition, user: Any) -> dict[str, Any]:
    tone, icon, word, meaning = STATES[condition.state]
    report = report_of(condition.facts) if condition.facts else None
    return {
        "condition": condition,
        # What the sandbox itself says is shown as it says it.
        "reason": gettext(condition.reason) if condition.reason else "",
        "state": {"tone": tone, "icon": icon, "word": word, "meaning": meaning},
        "report": report,
        # The sandbox serves all teams and knows none: what it tells of runs is for those who may see every team.
        "refusals": _with_traces(report.refusals if report and user.is_superuser else _kept_for(user)),
        "now": timezone.now(),
        "start_command": START_COMMAND,
        "connect_command": CONNECT_COMMAND,
        "refusals_url": reverse("admin:sandbox_refusal_changelist"),
    }


def _kept_for(user: Any) -> list[dict[str, Any]]:
    """Refusals of the person's teams that we kept, in the shape of the sandbox's own."""
    kept = refusals_of(list(teams_of(user).values_list("id", flat=True)))[:MOST_REFUSALS]
    return [{"at": row.created_at, **{name: getattr(row, name) for name in TOLD}} for row in kept]


def _with_traces(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each with its outcome in words, and where its run can be looked at."""
    words: dict[Any, Any] = dict(Refusal.STATUSES)
    return [
        {**row, "outcome": words.get(row["status"], row["status"]), "trace": trace_url(row["run_id"])} for row in rows
    ]


def _tabs() -> list[dict[str, Any]]:
    return [
        {"label": _("Health"), "url": reverse("sandbox:health"), "current": True},
        {"label": _("Refusals"), "url": reverse("admin:sandbox_refusal_changelist"), "current": False},
    ]
