"""Makes the roll-ups of whole days again from the traces that are there."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.traces.models import AgentThought, Rollup, Trace
from apps.traces.recorder.store import ALIAS, count
from apps.traces.recorder.tallies import Tallies
from support.ids import earliest

_DAY = dt.timedelta(days=1)
#: A trace's id may be older or younger than its start by this much.
_SLACK = dt.timedelta(days=7)
_LARGE = ("input", "output", "error_details", "tags", "truncated")


def recount_days(since: dt.date, until: dt.date) -> int:
    """Count the days from `since` up to and without `until` anew; the number of traces.

    For traces from before there were roll-ups. What was dropped, or sampled out, is not there to be counted: do this
    to days of which everything is kept. Nothing should be writing traces of those days meanwhile.
    """
    counted = 0
    day = dt.datetime.combine(since, dt.time(), dt.UTC)
    while day.date() < until:
        counted += _recount(day)
        day += _DAY
    return counted


def _recount(day: dt.datetime) -> int:
    during = {
        "started_at__gte": day,
        "started_at__lt": day + _DAY,
        "id__gte": earliest(day - _SLACK),
        "id__lt": earliest(day + _DAY + _SLACK),
    }
    tallies, seen = Tallies(), 0
    with transaction.atomic(using=ALIAS):
        Rollup.objects.using(ALIAS).filter(at__gte=day, at__lt=day + _DAY).delete()
        traces: dict[object, Trace] = {}
        for trace in Trace.objects.using(ALIAS).filter(**during).defer(*_LARGE).iterator():
            tallies.add_trace(trace)
            traces[trace.id] = trace
            seen += 1
        thoughts = AgentThought.objects.using(ALIAS).filter(**during).exclude(model="")
        for thought in thoughts.defer("thought", "observation", "tool_input", "parameters").iterator():
            trace_of_it = traces.get(thought.trace_id)
            if trace_of_it is not None:
                tallies.add_thought(trace_of_it, thought)
        count(tallies)
    return seen
