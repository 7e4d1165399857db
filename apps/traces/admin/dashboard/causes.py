"""The lists of what needs a look; each line leads to the run itself, or to the runs it stands for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from apps.traces.admin.dashboard.numbers import error_rate, percent
from apps.traces.admin.dashboard.scope import Asked
from apps.traces.admin.formats import duration
from apps.traces.selectors import causes
from apps.traces.selectors.rollups import Portion
from apps.traces.selectors.traces import as_uuid
from apps.workflows import hooks

LINES = 5
_MOST_TEXT = 160
#: The share of a run that its longest step has to have to be named as the cause.
_TELLING = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: what it is about, and where it leads. The rest depends on the list."""

    url: str
    title: str = ""
    name: str = ""
    code: str = ""
    app: str = ""
    duration: str = ""
    longest: str = ""
    count: int = 0
    rate: str = ""
    words: str = ""
    message: str = ""
    reason: str = ""
    text: str = ""
    at: dt.datetime | None = None
    latest: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """The four lists and the addresses of all of each."""

    slow: Sequence[Line] = field(default_factory=list)
    errors: Sequence[Line] = field(default_factory=list)
    apps: Sequence[Line] = field(default_factory=list)
    wrong: Sequence[Line] = field(default_factory=list)
    slow_url: str = ""
    errors_url: str = ""
    wrong_url: str = ""


def causes_of(asked: Asked, team_ids: tuple[UUID, ...] | None, portions: Sequence[Portion] | None) -> Causes:
    """What needs a look. `portions` are the apps with their figures."""
    return Causes(
        slow=_slow(asked, team_ids),
        errors=_errors(asked, team_ids),
        apps=_apps(asked, portions or ()),
        wrong=_wrong(asked, team_ids),
        slow_url=asked.runs(sort="slowest"),
        errors_url=asked.runs(status="failed"),
        wrong_url=_all_wrong(),
    )


def _slow(asked: Asked, team_ids: tuple[UUID, ...] | None) -> list[Line]:
    return [
        Line(
            url=_trace_url(run.trace.id, span_id=run.span_id),
            title=run.trace.input_preview or run.trace.name,
            app=run.trace.application_name,
            duration=duration(run.trace.duration_us),
            longest=_longest(run),
            at=run.trace.started_at,
        )
        for run in causes.slowest_runs(asked.where(team_ids), limit=LINES)
    ]


def _longest(run: causes.SlowRun) -> str:
    """The step that took the time; where many short ones did, how many they are."""
    if run.span_id is None or run.span_us is None:
        return ""
    facts = {"step": run.span_name, "time": duration(run.span_us), "n": f"{run.trace.span_count:,}"}
    if run.span_us < _TELLING * (run.trace.duration_us or 0):
        return _("%(n)s steps, none longer than %(time)s") % facts
    return _("%(step)s took %(time)s") % facts


def _errors(asked: Asked, team_ids: tuple[UUID, ...] | None) -> list[Line]:
    return [
        Line(
            url=asked.runs(status="failed", **({"error": failure.code} if failure.code else {})),
            code=failure.code or _("without a code"),
            count=failure.count,
            message=failure.message[:_MOST_TEXT],
            latest=failure.latest,
        )
        for failure in causes.failures(asked.where(team_ids), limit=LINES)
    ]


def _apps(asked: Asked, portions: Sequence[Portion]) -> list[Line]:
    """Apps by the number of their failures: a share alone would put an app that ran once on top."""
    failing = sorted((each for each in portions if each.figures.errors), key=lambda each: -each.figures.errors)
    return [
        Line(
            url=asked.runs(app=portion.key, status="failed"),
            name=portion.name,
            rate=percent(error_rate(portion.figures)),
            words=_("%(errors)s of %(runs)s runs failed")
            % {"errors": f"{portion.figures.errors:,}", "runs": f"{portion.figures.count:,}"},
        )
        for portion in failing[:LINES]
    ]


def _wrong(asked: Asked, team_ids: tuple[UUID, ...] | None) -> list[Line]:
    app_id = as_uuid(asked.filters.get("app", ""))
    if asked.filters.get("app") and app_id is None:
        return []  # nobody judges what programs elsewhere did
    scope = hooks.FeedbackScope(team_ids=team_ids, since=asked.since, until=asked.until, application_id=app_id)
    told = hooks.dislikes(scope, limit=LINES)
    traces = causes.traces_of_messages([each.message_id for each in told], team_ids=team_ids)
    lines = []
    for each in told:
        trace = traces.get(each.message_id)
        lines.append(
            Line(
                url=_trace_url(trace.id) if trace else _review_url(each.message_id),
                title=(trace.input_preview or trace.name) if trace else _("An answer whose trace is not kept"),
                app=trace.application_name if trace else "",
                reason=each.reason,
                text=each.text,
                at=each.at,
            )
        )
    return lines


def _trace_url(trace_id: UUID, *, span_id: UUID | None = None) -> str:
    page = reverse("admin:traces_trace_change", args=[trace_id])
    return f"{page}?span={span_id}" if span_id else page


def _review_url(message_id: UUID) -> str:
    return reverse("admin:annotations_message_review", args=[message_id])


def _all_wrong() -> str:
    try:
        return reverse("admin:annotations_feedback_changelist") + "?rating__exact=dislike"
    except NoReverseMatch:
        return ""
