"""Closing a run: the summary rows that lists and clients read, in the transaction of the run's last event."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone

from apps.workflows.engine.events import ErrorInfo
from apps.workflows.engine.journal import storable
from apps.workflows.engine.summary import RunSummary, retriever_resources
from apps.workflows.models import Message, Run
from apps.workflows.services.start_run import Accepted


def finish_run(accepted: Accepted, summary: RunSummary) -> None:
    """Write the run's outcome, and the message's answer where there is one."""
    close_run(accepted.run, summary)
    if accepted.message is not None:
        close_message(accepted.message, summary)


def close_run(run: Run, summary: RunSummary) -> None:
    """One UPDATE; a run that somebody else has closed meanwhile is left as it is."""
    Run.objects.filter(id=run.id, status=Run.Status.RUNNING, epoch=run.epoch).update(
        status=summary.status or Run.Status.FAILED,
        outputs=storable(summary.outputs),
        error=error_body(summary.error),
        usage={**asdict(summary.usage), "total_tokens": summary.usage.total_tokens},
        total_tokens=summary.usage.total_tokens,
        steps=summary.steps,
        elapsed=summary.elapsed,
        finished_at=timezone.now(),
        lease_until=None,
    )


def close_message(message: Message, summary: RunSummary) -> None:
    """The answer as the reader has it, also where it is only part of one."""
    status = {"failed": Message.Status.ERROR, "stopped": Message.Status.STOPPED}.get(
        summary.status or "failed", Message.Status.NORMAL
    )
    Message.objects.filter(id=message.id).update(
        answer=storable(summary.answer),
        status=status,
        error=error_body(summary.error),
        metadata=message_metadata(summary),
        input_tokens=summary.usage.input_tokens,
        output_tokens=summary.usage.output_tokens,
        latency=summary.elapsed,
    )


def message_metadata(summary: RunSummary) -> dict[str, Any]:
    """What the answer was made of, as it was at this moment."""
    metadata: dict[str, Any] = {"retriever_resources": retriever_resources(summary.passages)}
    if summary.replaced and summary.replaced.get("reason") == "annotation_reply":
        metadata["annotation_reply"] = summary.replaced
    stored: dict[str, Any] = storable(metadata)
    return stored


def error_body(error: ErrorInfo | None) -> dict[str, Any] | None:
    """The error as it is stored and shown."""
    if error is None:
        return None
    body: dict[str, Any] = storable(
        {
            "code": error.code,
            "message": error.message,
            "node_id": error.node_id,
            "details": dict(error.details),
        }
    )
    return body
