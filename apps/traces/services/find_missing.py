"""Finds runs that ended without a trace: their process was killed between the one write and the other."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from apps.traces.models import Trace
from apps.traces.recorder.joining import join_left_over
from apps.traces.selectors.policies import passed_over_among
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows.selectors.runs import finished_between

#: A trace may take this long to be written while its database is away; before that nobody is missed.
PATIENCE = dt.timedelta(minutes=2)
LOOK_BACK = dt.timedelta(hours=2)
MOST = 2_000


def rebuild_missing_traces() -> int:
    """Rebuild the traces of recent runs that have none; how many there were. What others told of runs is counted."""
    join_left_over()
    end = timezone.now() - PATIENCE
    runs = finished_between(end - LOOK_BACK, end, limit=MOST)
    traced = set(Trace.objects.filter(id__in=runs).values_list("id", flat=True))
    traced |= passed_over_among(runs)
    missing = [run_id for run_id in runs if run_id not in traced]
    for run_id in missing:
        rebuild_trace(run_id, replace=False)
    return len(missing)
