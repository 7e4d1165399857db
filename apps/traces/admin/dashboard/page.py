"""The page of the dashboard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import redis
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from accounts.selectors import teams_of
from apps.traces.admin.dashboard.board import MOST_ROWS, Board, board_of, busiest_users, nothing
from apps.traces.admin.dashboard.breakdown import Table, table_of
from apps.traces.admin.dashboard.cards import cards_of
from apps.traces.admin.dashboard.causes import causes_of
from apps.traces.admin.dashboard.charts import charts_of
from apps.traces.admin.dashboard.chips import Choice, chip, chips_of, left_out, users_url
from apps.traces.admin.dashboard.scope import COMPARE, EXPERIMENTS, SHOWN, Asked, asked_by
from apps.traces.admin.formats import day_format
from apps.traces.models import Alert
from apps.traces.recorder.counters import RecorderCounts, recorder_counts
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.services.alerts.words import bound, figure

VIEW = "traces.view_trace"
MOST_FIRING = 5


def dashboard(request: HttpRequest) -> HttpResponse:
    """What the person's teams did. Every part is read from roll-ups, or from few rows."""
    user: Any = request.user
    if not user.has_perm(VIEW):
        raise PermissionDenied
    team_ids = _teams(user)
    asked = asked_by(request.GET.dict())
    context = {
        "page_title": _("Dashboard"),
        "page_purpose": _("What your apps did, what went wrong, and the way to the run behind each number."),
        "ranges": _ranges(asked),
        "custom": _custom(asked),
        "kept": [*asked.filters.items(), *_switches(asked)],
        "compare": {"on": asked.compare, "url": asked.here(**{COMPARE: None if asked.compare else "1"})},
        "clear_url": asked.here(app=None, model=None, user=None, experiments=None) if _is_filtered(asked) else "",
        "is_narrowed": _is_filtered(asked) or not asked.during.preset,
        "period_words": _period(asked),
        "fault": asked.fault,
        "lost": _lost(),
    }
    try:
        with bounded():
            context |= _figures(asked, team_ids)
    except TooSlow as exc:
        context |= {"fault": exc.message, "board": nothing()}
    return TemplateResponse(request, "admin/traces/dashboard/page.html", context)


def _figures(asked: Asked, team_ids: tuple[UUID, ...] | None) -> dict[str, Any]:
    board = board_of(asked, team_ids)
    context: dict[str, Any] = {
        "board": board,
        "chips": chips_of(asked, team_ids),
        "firing": _firing(team_ids),
        "left_out": left_out(asked, team_ids),
    }
    if not board.has_runs:
        return context
    return context | {
        "cards": cards_of(asked, board),
        "causes": causes_of(asked, team_ids, board.apps),
        "charts": charts_of(asked, board.now, board.before if asked.compare else None),
        "breakdowns": _tables(asked, board),
        "users_url": "" if asked.filters.get("user") or asked.filters.get("model") else users_url(asked, part="table"),
    }


def users(request: HttpRequest, part: str) -> HttpResponse:
    """The busiest users as a table, or as what the filter offers: parts that the page asks for by itself."""
    user: Any = request.user
    if not user.has_perm(VIEW):
        raise PermissionDenied
    asked = asked_by(request.GET.dict())
    context: dict[str, Any] = {"part": part}
    try:
        with bounded():
            found = busiest_users(asked.without("model", "user"), _teams(user))
    except TooSlow as exc:
        context["fault"] = exc.message
    else:
        choices = [(portion.key, portion.name) for portion in found]
        context |= {"table": table_of(asked, found, by="user"), "chip": chip(asked, "user", _("User"), choices)}
    return TemplateResponse(request, "admin/traces/dashboard/users.html", context)


def _tables(asked: Asked, board: Board) -> list[Table]:
    """The tables that the filters leave; one row about what is chosen anyway says nothing new."""
    found = {"app": board.apps, "model": board.models}
    return [
        table_of(asked, portions[:MOST_ROWS], by=by)
        for by, portions in found.items()
        if portions is not None and not asked.filters.get(by)
    ]


def _teams(user: Any) -> tuple[UUID, ...] | None:
    """The teams whose traces the person sees; None for all of them."""
    return None if user.is_superuser else tuple(teams_of(user).values_list("id", flat=True))


def _ranges(asked: Asked) -> list[Choice]:
    words = {"24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days"), "90d": _("90 days")}
    return [
        Choice(label=words[name], url=asked.here(since=name), current=asked.during.preset == name) for name in SHOWN
    ]


def _custom(asked: Asked) -> dict[str, Any]:
    return {
        "on": asked.during.preset not in SHOWN,
        "words": _period(asked),
        "start": asked.since.strftime("%Y-%m-%dT%H:%M"),
        "end": asked.until.strftime("%Y-%m-%dT%H:%M"),
    }


def _period(asked: Asked) -> str:
    start, end = (formats.date_format(moment, f"{day_format()} H:i") for moment in (asked.since, asked.until))
    return _("%(start)s to %(end)s UTC.") % {"start": start, "end": end}


def _is_filtered(asked: Asked) -> bool:
    return bool(asked.filters or asked.experiments)


def _switches(asked: Asked) -> list[tuple[str, str]]:
    """What is on beside the filters, as an address has it."""
    given = {COMPARE: "1" if asked.compare else "", EXPERIMENTS: asked.experiments}
    return [(name, value) for name, value in given.items() if value]


def _lost() -> RecorderCounts | None:
    """What the recorder did not write; None where that is nothing, or nobody can tell."""
    try:
        counts = recorder_counts()
    except redis.RedisError:
        return None
    return counts if counts.dropped or counts.refused else None


def _firing(team_ids: tuple[UUID, ...] | None) -> list[dict[str, Any]]:
    """Alerts that fire now: the first thing to look at."""
    rows = Alert.objects.filter(state=Alert.State.FIRING, is_enabled=True).order_by("-since")
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    return [
        {
            "name": alert.name,
            "url": reverse("admin:traces_alert_change", args=[alert.id]),
            "words": _("%(value)s; %(bound)s") % {"value": figure(alert.measure, alert.value), "bound": bound(alert)},
            "since": alert.since,
        }
        for alert in rows[:MOST_FIRING]
    ]
