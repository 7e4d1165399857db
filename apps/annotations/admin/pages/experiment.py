"""The page of an experiment: how far it is, what it says, what changed against another one, and its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.selectors import may, teams_of
from apps.annotations.admin import experiment_words as words
from apps.annotations.admin.access import belongs_somewhere, preview, trace_url
from apps.annotations.admin.named_values import written
from apps.annotations.models import Experiment, Result
from apps.annotations.selectors.experiment_pace import pace_of
from apps.annotations.selectors.experiments import (
    Shown,
    comparable_with,
    experiments_of,
    open_experiment,
    progress_of,
    results_of,
)
from apps.annotations.selectors.measuring import Difference, Figure, compare_experiments, figures_of
from apps.annotations.selectors.reasons import reason_of
from apps.workflows.selectors.messages import as_uuid
from support.errors import NotFound

PAGE = 50
MOST_TO_COMPARE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A figure as the page shows it, and how it differs from the other experiment's."""

    figure: Figure
    mean: str
    bar: words.Bar | None
    said: str
    difference: Difference | None = None
    verdict: str = ""
    tone: tuple[str, str, str] | None = None


@require_safe
def experiment(request: HttpRequest, experiment_id: UUID) -> HttpResponse:
    """The page; asked for again while it goes on, its moving part only."""
    found = opened(request, experiment_id)
    against = other_of(request, found)
    context = _moving(request, found, against)
    # The results ask for the whole page and take themselves out of it.
    if request.headers.get("HX-Request") and request.headers.get("HX-Target") != "experiment-results":
        response = TemplateResponse(request, "admin/annotations/experiment/moving.html", context)
        if found.is_over:
            # The results below are complete now: show the page anew.
            response["HX-Refresh"] = "true"
        return response
    asked = _asked(request, against)
    after = request.GET.get("after", "")
    place = int(after) if after.isdecimal() and len(after) < 9 else 0
    rows = results_of(found, shown=asked.shown, place=asked.place, against=against, after=place, size=PAGE + 1)
    parts = {"against": against.id if against else "", "show": asked.shown if asked.shown != "all" else ""}
    parts["by"] = "" if asked.place is None else str(asked.place + 1)
    context |= {
        **admin.site.each_context(request),
        "title": str(found),
        "rows": [_row(row, found) for row in rows[:PAGE]],
        "others": list(comparable_with(found)[:MOST_TO_COMPARE]),
        "tabs": [(name, label, address(**{**parts, "show": name})) for name, label in _tabs(against)],
        "places": [
            (place, spec["name"], address(**{**parts, "by": str(place + 1)})) for place, spec in enumerate(found.specs)
        ],
        "all_places": address(**{**parts, "by": ""}),
        "shown": asked.shown,
        "place": asked.place,
        "newer": address(**parts) if place else "",
        "older": address(**parts, after=rows[PAGE - 1].number) if len(rows) > PAGE else "",
    }
    return TemplateResponse(request, "admin/annotations/experiment/experiment.html", context)


def opened(request: HttpRequest, experiment_id: UUID, *, right: str = "view") -> Experiment:
    """The experiment, if it is of one's teams and one has the right there. Raises Http404, PermissionDenied."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        found = open_experiment(experiment_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(request.user, right, team_id=found.team_id):
        raise PermissionDenied
    return found


def other_of(request: HttpRequest, found: Experiment) -> Experiment | None:
    """What it is compared with: what the address names, or else its baseline; `none` names nothing."""
    text = request.GET.get("against", "")
    wanted = as_uuid(text) if text else found.baseline_id
    if wanted is None or text == "none":
        return None
    return experiments_of([found.team_id]).filter(id=wanted, golden_set_id=found.golden_set_id).first()


def shown(found: Experiment) -> HttpResponse:
    """The way to the page of an experiment."""
    return redirect("admin:annotations_experiment", found.id)


def address(**parts: Any) -> str:
    """Parameters that say something."""
    return "?" + urlencode({name: str(value) for name, value in parts.items() if value not in ("", None)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    shown: Shown
    place: int | None


def _asked(request: HttpRequest, against: Experiment | None) -> _Asked:
    name: Any = request.GET.get("show", "all")
    if name not in get_args(Shown) or (name in ("worse", "better") and against is None):
        name = "all"
    by = request.GET.get("by", "")
    return _Asked(shown=name, place=int(by) - 1 if by.isdecimal() and 0 < len(by) < 3 and by != "0" else None)


def _tabs(against: Experiment | None) -> list[tuple[Shown, str]]:
    tabs: list[tuple[Shown, str]] = [
        ("all", _("All items")),
        ("missed", _("Not passed")),
        ("failed", _("No answer")),
        ("unscored", _("Not judged")),
    ]
    if against is not None:
        tabs[1:1] = [("worse", _("Worse than before")), ("better", _("Better than before"))]
    return tabs


def _moving(request: HttpRequest, found: Experiment, against: Experiment | None) -> dict[str, Any]:
    differences = {each.second_place: each for each in compare_experiments(against, found)} if against else {}
    first = words.name_of(against, beside=found) if against else ""
    second = words.name_of(found, beside=against)
    may_edit = may(request.user, "edit", team_id=found.team_id)
    progress = progress_of(found)
    pace = pace_of(found, progress)
    return {
        "experiment": found,
        "against": against,
        "progress": progress,
        "pace": pace,
        "time_left": words.time_left_in_words(pace.seconds_left),
        "judged": [_judged(figure, differences.get(figure.place), first, second) for figure in figures_of(found)],
        "scale": words.WIDTH,
        "spent": words.spent_in_words(found, cost_at_end=pace.cost_at_end),
        "may_edit": may_edit,
        "path": request.get_full_path(),
    }


def _judged(figure: Figure, difference: Difference | None, first: str, second: str) -> Judged:
    return Judged(
        figure=figure,
        mean=words.points(figure.mean.value) if figure.mean else "",
        bar=words.bar_of(figure.mean),
        said=words.figure_in_words(figure),
        difference=difference,
        verdict=words.capital(words.verdict_in_words(difference, first=first, second=second)) if difference else "",
        tone=words.tone_of(difference) if difference else None,
    )


def _row(row: Result, found: Experiment) -> dict[str, Any]:
    scores = {score.place: score for score in row.scores.all()}
    item = row.item
    return {
        "result": row,
        "question": preview(item.question or ", ".join(f"{name}: {value}" for name, value in item.inputs.items())),
        "answer": preview(row.answer or (written(row.outputs)[1] if row.outputs else ""), length=160),
        "reason": reason_of(row, who="app"),
        "scores": [
            {"score": score, "reason": reason_of(score) if score else None}
            for score in map(scores.get, range(len(found.specs)))
        ],
        "trace_url": trace_url(row.run_id) if row.run_id else None,
    }
