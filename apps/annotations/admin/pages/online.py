"""What evaluators say of live traffic: a chart over time for each of them, and the newest answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere, trace_url
from apps.annotations.models import OnlineEvaluation, TraceScore
from apps.annotations.selectors.online import DayOfScores, days_of, newest_scores, open_online
from apps.annotations.selectors.reasons import reason_of
from apps.annotations.services.online import spent_today, state_in_words
from support.errors import NotFound

RANGES = (7, 30, 90)
#: Of the chart, in its own units; shares are drawn from the top (all passed) to the bottom (none).
WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A day as it is drawn."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The share of answers that passed, day by day, with its interval."""

    name: str
    line: str
    band: str
    dots: Sequence[Point]
    days: Sequence[DayOfScores]
    passed: int
    scored: int

    @property
    def per_cent(self) -> int:
        """The share of the whole time."""
        return round(100 * self.passed / self.scored)


@require_safe
def scores(request: HttpRequest, online_id: UUID) -> HttpResponse:
    """The page."""
    online = _opened(request, online_id)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, RANGES) else 30
    missed_only = request.GET.get("show") == "missed"
    names = {each.id: each.name for each in online.evaluators.all()}
    day = spent_today(online)
    newest = newest_scores(online, missed_only=missed_only)
    names = {**{each.evaluator_id: each.spec.get("name", "") for each in newest}, **names}
    context = {
        **admin.site.each_context(request),
        "title": online.name,
        "online": online,
        "state": state_in_words(online, day),
        "today": day,
        "charts": [
            chart_of(names.get(each, _("An evaluator of before")), found, days=days)
            for each, found in days_of(online, days=days).items()
        ],
        "width": WIDTH,
        "height": HEIGHT,
        "rows": [_row(each) for each in newest],
        "missed_only": missed_only,
        "days": days,
        "ranges": RANGES,
        "may_edit": may(request.user, "edit", team_id=online.team_id),
    }
    return TemplateResponse(request, "admin/annotations/online/scores.html", context)


def chart_of(name: str, found: Sequence[DayOfScores], *, days: int) -> Chart:
    """The days of one evaluator as lines."""
    first = (timezone.now() - dt.timedelta(days=days)).date()
    places = [(each.day - first).days / days * WIDTH for each in found]
    middle = [(x, _y(each.rate.value)) for x, each in zip(places, found, strict=True)]
    above = [(x, _y(each.rate.high)) for x, each in zip(places, found, strict=True)]
    below = [(x, _y(each.rate.low)) for x, each in zip(places, found, strict=True)]
    return Chart(
        name=name,
        line=_points(middle),
        band=_points([*above, *reversed(below)]),
        dots=[
            Point(
                x=round(x, 1),
                y=round(y, 1),
                words=_("%(day)s: %(passed)s of %(scored)s passed")
                % {"day": f"{each.day:%Y-%m-%d}", "passed": each.passed, "scored": each.scored},
            )
            for (x, y), each in zip(middle, found, strict=True)
        ],
        days=list(reversed(found)),
        passed=sum(each.passed for each in found),
        scored=sum(each.scored for each in found),
    )


def _y(share: float) -> float:
    return (1 - share) * HEIGHT


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _row(row: TraceScore) -> dict[str, Any]:
    return {
        "score": row,
        "name": row.spec.get("name", ""),
        "trace_url": trace_url(row.trace_id),
        "reason": reason_of(row),
    }


def _opened(request: HttpRequest, online_id: UUID) -> OnlineEvaluation:
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        return open_online(online_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
