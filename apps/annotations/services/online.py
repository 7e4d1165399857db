"""Online evaluation: sampled answers are judged soon after they were given, within the budget of the day."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.evaluation.case import Case, Judgement, Spec
from apps.annotations.models import OnlineEvaluation, TraceScore
from apps.annotations.services.experiment_items import judge_case
from apps.annotations.services.feeding import is_sampled
from apps.annotations.services.golden_sources import item_of_trace
from apps.traces.selectors.lists import of_teams, question_of, rows_of
from apps.workflows.selectors.runs import EXPERIMENT
from support.errors import ConsoleError
from support.jobs import enqueue

TASK = "annotations.evaluate_online"
TRACES = "traces"
#: Answers of one turn of a worker, and how many are judged side by side.
TURN = 40
AT_ONCE = 4
#: Traces are written when their runs end: one looks back this far for those that began earlier.
SLACK = dt.timedelta(minutes=10)
LEASE = dt.timedelta(minutes=10)
SECONDS = 60.0
#: What can judge without knowing what was expected.
KINDS = ("contains", "regex", "json-schema", "judge", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was judged since midnight (UTC), and what it took."""

    answers: int
    tokens: int
    cost: Decimal


NOTHING_YET = Day(answers=0, tokens=0, cost=Decimal(0))


def spent_today(online: OnlineEvaluation) -> Day:
    """What the day has cost so far."""
    return spent_today_by([online.id]).get(online.id, NOTHING_YET)


def spent_today_by(online_ids: Iterable[UUID]) -> dict[UUID, Day]:
    """What the day has cost each of those that have judged something (one query)."""
    midnight = timezone.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = TraceScore.objects.filter(online_id__in=list(online_ids), created_at__gte=midnight).order_by()
    sums = today.values("online_id").annotate(
        answers=Count("trace_id", distinct=True), tokens_sum=Sum("tokens"), cost_sum=Sum("cost")
    )
    return {
        each["online_id"]: Day(answers=each["answers"], tokens=each["tokens_sum"], cost=each["cost_sum"])
        for each in sums
    }


def is_spent(online: OnlineEvaluation, day: Day) -> bool:
    """Whether nothing more is judged today."""
    pairs = (
        (day.answers, online.daily_answers),
        (day.tokens, online.daily_tokens),
        (day.cost, online.daily_cost),
    )
    return any(limit is not None and spent >= limit for spent, limit in pairs)


def begin_online() -> int:
    """Queue those that are on and that no worker has in hand; how many."""
    free = Q(leased_until=None) | Q(leased_until__lt=timezone.now())
    ids = OnlineEvaluation.objects.filter(free, is_enabled=True).values_list("id", flat=True)
    for online_id in ids:
        enqueue(TASK, str(online_id))
    return len(ids)


def evaluate_online(online_id: UUID) -> bool:
    """Judge what has come since the last time, for one turn; whether there is more. Safe to repeat."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    mine = OnlineEvaluation.objects.filter(free, id=online_id, is_enabled=True)
    if not mine.update(leased_until=now + LEASE):
        return False
    online = OnlineEvaluation.objects.get(id=online_id)
    error, more = "", False
    try:
        more = _take_turn(online, now=now)
    except ConsoleError as exc:
        error = str(exc)
    finally:
        held = OnlineEvaluation.objects.filter(id=online_id)
        held.update(leased_until=None, error=error, seen_until=online.seen_until)
    return more


def _take_turn(online: OnlineEvaluation, *, now: dt.datetime) -> bool:
    specs = [Spec.read(each.as_spec()) for each in online.evaluators.filter(is_archived=False) if each.kind in KINDS]
    if is_spent(online, spent_today(online)) or not specs:
        # What comes while nothing is left for the day is not judged later: the day after has its own traffic.
        online.seen_until = now
        return False
    found, is_all = _unjudged(online, specs, now=now)
    for start in range(0, len(found), AT_ONCE):
        if is_spent(online, spent_today(online)):
            return False
        _judge(online, found[start : start + AT_ONCE], specs)
    online.seen_until = now if is_all else found[-1].started_at
    return not is_all


def _unjudged(online: OnlineEvaluation, specs: Sequence[Spec], *, now: dt.datetime) -> tuple[list[Any], bool]:
    """The next answers that chance picks and nobody has judged, and whether these are all."""
    since = max((online.seen_until or online.created_at) - SLACK, online.created_at)
    parameters = {"status": "succeeded", **online.filters, "app": str(online.application_id)}
    question = question_of({**parameters, "from": since.isoformat(), "to": now.isoformat()}, table=TRACES)
    teams = [online.team_id]
    rows = rows_of(question, within=of_teams(TRACES, teams), team_ids=teams).exclude(source=EXPERIMENT)
    picked: list[Any] = []
    for trace in rows.order_by("started_at", "id").iterator(chunk_size=200):
        if is_sampled(online.id, trace.id, online.sample_percent):
            picked.append(trace)
            if len(picked) >= TURN:
                fresh = _without_judged(online, picked, specs)
                if len(fresh) >= TURN // 2:
                    return fresh, False
                picked = fresh
    return _without_judged(online, picked, specs), True


def _without_judged(online: OnlineEvaluation, traces: Sequence[Any], specs: Sequence[Spec]) -> list[Any]:
    scores = TraceScore.objects.filter(online=online, trace_id__in=[each.id for each in traces])
    counted = dict(scores.order_by().values_list("trace_id").annotate(n=Count("id")))
    return [each for each in traces if counted.get(each.id, 0) < len(specs)]


def _judge(online: OnlineEvaluation, traces: Sequence[Any], specs: Sequence[Spec]) -> None:
    said = asyncio.run(_heard([_case(each) for each in traces], specs, team_id=online.team_id))
    rows = [
        _score(online, trace, spec, judgement)
        for trace, judgements in zip(traces, said, strict=True)
        for spec, judgement in zip(specs, judgements, strict=True)
    ]
    TraceScore.objects.bulk_create(rows, ignore_conflicts=True)


async def _heard(cases: Sequence[Case], specs: Sequence[Spec], *, team_id: UUID) -> list[list[Judgement]]:
    async def of(case: Case) -> list[Judgement]:
        return [await judge_case(case, spec, team_id=team_id, seconds=SECONDS) for spec in specs]

    return list(await asyncio.gather(*(of(case) for case in cases)))


def _case(trace: Any) -> Case:
    item = item_of_trace(trace)
    outputs = item.expected if isinstance(item.expected, dict) else {}
    answer = item.expected if isinstance(item.expected, str) else trace.output_preview
    return Case(answer=answer, question=item.question, inputs=item.inputs, outputs=outputs)


def _score(online: OnlineEvaluation, trace: Any, spec: Spec, said: Judgement) -> TraceScore:
    stored = {"id": spec.id, "name": spec.name, "kind": spec.kind, "config": dict(spec.config), "pass_at": spec.pass_at}
    return TraceScore(
        team_id=online.team_id,
        online=online,
        application_id=online.application_id,
        trace_id=trace.id,
        happened_at=trace.started_at,
        version_number=trace.version_number,
        spec=stored,
        evaluator_id=UUID(spec.id),
        score=said.score,
        passed=None if said.score is None else spec.passes(said.score),
        label=said.label[:60],
        explanation=said.explanation,
        error_code=said.error_code[:60],
        error_message=said.error_message,
        calls=said.spent.calls,
        tokens=said.spent.tokens,
        cost=said.spent.cost or Decimal(0) if said.spent.currency in ("", online.currency) else Decimal(0),
    )


def state_in_words(online: OnlineEvaluation, day: Day) -> tuple[str, str]:
    """What it is doing: a status and the words for it."""
    if not online.is_enabled:
        return "disabled", _("Off")
    if online.error:
        return "error", _("Cannot judge")
    if is_spent(online, day):
        return "waiting", _("Budget of today spent")
    return "active", _("Judging")
