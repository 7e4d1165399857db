"""Makes a trace again from the stored event log of its run."""

from __future__ import annotations

from uuid import UUID

from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from apps.workflows.selectors.concealing import WORDS, concealed_log
from apps.workflows.selectors.events import stored_events
from apps.workflows.selectors.runs import run_info


def rebuild_trace(run_id: UUID, *, replace: bool = True, sampled: bool = True) -> int:
    """Write the trace that the run's stored events give; the number of spans. Raises NotFound.

    Without `replace` a trace that is there stays as it is: the process that ran it was not dead after all.
    With `sampled` a run that is not in its app's sample is counted only; who asks for one trace wants it whatever.
    """
    record = fold(run_info(run_id), concealed_log(run_id, stored_events(run_id), WORDS))
    write([record], replace=replace, sampled=sampled and not replace)
    return len(record.spans)
