"""Jobs of the traces app."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_process_shutdown

from apps.traces.recorder.observer import flush
from apps.traces.services import changes, exports
from apps.traces.services.alerts.check import check_due_alerts
from apps.traces.services.alerts.deliver import deliver_notices
from apps.traces.services.alerts.forget import forget_old_alert_history
from apps.traces.services.erasure import erase
from apps.traces.services.find_missing import rebuild_missing_traces
from apps.traces.services.keeping import keep_trace
from apps.traces.services.partitions import make_partitions, refresh_statistics
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.traces.services.reprice import reprice
from apps.traces.services.retention import expire
from apps.traces.services.send_on import send_on
from support.errors import NotFound
from support.jobs import enqueue


@shared_task(name="traces.rebuild")
def rebuild(run_id: str) -> int:
    """Write the trace of a run whose process did not come to it; the number of spans, 0 without the run."""
    try:
        return rebuild_trace(UUID(run_id), replace=False)
    except NotFound:
        return 0


@shared_task(name="traces.rebuild_missing", ignore_result=True)
def rebuild_missing() -> int:
    """Every few minutes: no run that ended stays without a trace."""
    return rebuild_missing_traces()


@shared_task(name=exports.TASK)
def write_export(job_id: str) -> bool:
    """Write an export for one turn and hand the rest on; whether there is a rest."""
    more = exports.write_export(UUID(job_id))
    if more:
        enqueue(exports.TASK, job_id)
    return more


@shared_task(name="traces.go_on_with_exports", ignore_result=True)
def go_on_with_exports() -> int:
    """Every minute: no export stays behind with a worker that died."""
    return exports.go_on_with_exports()


@shared_task(name=changes.TASK)
def make_change(job_id: str) -> bool:
    """Change traces for one turn and hand the rest on; whether there is a rest."""
    more = changes.make_change(UUID(job_id))
    if more:
        enqueue(changes.TASK, job_id)
    return more


@shared_task(name="traces.go_on_with_changes", ignore_result=True)
def go_on_with_changes() -> int:
    """Every minute: no change stays half done because its worker died."""
    return changes.go_on_with_changes()


@shared_task(name="traces.forget_exports", ignore_result=True)
def forget_exports() -> int:
    """Every hour: files are deleted when their time is over."""
    return exports.forget_exports()


@shared_task(name="traces.check_alerts", ignore_result=True)
def check_alerts() -> int:
    """Every minute: check what is due, and have people told at once."""
    checked = check_due_alerts()
    if checked:
        enqueue("traces.deliver_notices")
    return checked


@shared_task(name="traces.deliver_notices", ignore_result=True)
def deliver_alert_notices() -> int:
    """Send notices of alerts that are due, new ones and those that did not arrive before."""
    return deliver_notices()


@shared_task(name="traces.forget_alert_history", ignore_result=True)
def forget_alert_history() -> int:
    """Once a day."""
    return forget_old_alert_history()


@shared_task(name="traces.send_on", ignore_result=True)
def send_traces_on() -> int:
    """Every few seconds: what waits for destinations elsewhere."""
    return send_on().sent


@shared_task(name="traces.make_partitions", ignore_result=True)
def make_missing_partitions() -> None:
    """Every few hours: the months to come have their partitions, and the planner knows the tables."""
    make_partitions()
    refresh_statistics()


@shared_task(name="traces.keep", ignore_result=True)
def keep_reviewed_trace(trace_id: str, team_id: str, reason: str) -> bool:
    """Somebody reviewed what a run answered: its trace stays, or is made after all."""
    return keep_trace(UUID(trace_id), team_id=UUID(team_id), reason=reason)


@shared_task(name="traces.expire", ignore_result=True)
def expire_traces() -> int:
    """Every few hours: what is older than its policy says goes."""
    return expire().traces


@shared_task(name="traces.erase", ignore_result=True)
def erase_person(team_id: str, end_user: str, requested_by: str, reason: str = "") -> int:
    """Delete what traces hold of a person; no result is kept, since that would name them."""
    return erase(team_id=UUID(team_id), end_user=end_user, requested_by=requested_by, reason=reason).traces


@shared_task(name="traces.reprice")
def reprice_traces(team_id: str, start: str, end: str) -> int:
    """Reckon again what the runs of a time cost; the number of traces that changed."""
    first, last = (dt.datetime.fromisoformat(each) for each in (start, end))
    return reprice(team_id=UUID(team_id), start=first, end=last)


@worker_process_shutdown.connect(weak=False)
def write_what_is_left(**_kwargs: Any) -> None:
    """Worker processes end without the interpreter's own farewell: write what is queued here."""
    flush(timeout=5.0)
