"""Closing a run: the summary that its row and its message's row show, in the statement of the run's last event."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apps.workflows.adapters.log_store import Ending
from apps.workflows.engine.events import ErrorInfo
from apps.workflows.engine.journal import storable
from apps.workflows.engine.summary import RunSummary, retriever_resources
from apps.workflows.models import Message, Run

_ANSWER_STATUS = {"failed": Message.Status.ERROR, "stopped": Message.Status.STOPPED}


def ending_of(summary: RunSummary) -> Ending:
    """What the rows of the run and its message say; the answer is as the reader has it, also where it is a part."""
    status = summary.status or Run.Status.FAILED
    return Ending(
        status=str(status),
        outputs=storable(summary.outputs),
        error=error_body(summary.error),
        usage={**asdict(summary.usage), "total_tokens": summary.usage.total_tokens},
        total_tokens=summary.usage.total_tokens,
        input_tokens=summary.usage.input_tokens,
        output_tokens=summary.usage.output_tokens,
        steps=summary.steps,
        elapsed=summary.elapsed,
        answer=storable(summary.answer),
        answer_status=str(_ANSWER_STATUS.get(status, Message.Status.NORMAL)),
        metadata=message_metadata(summary),
        variables=storable(summary.variables),
    )


def message_metadata(summary: RunSummary) -> dict[str, Any]:
    """What the answer was made of, as it was at this moment."""
    metadata: dict[str, Any] = {"retriever_resources": retriever_resources(summary.passages)}
    if summary.replaced and summary.replaced.get("reason") == "annotation_reply":
        metadata["annotation_reply"] = summary.replaced
    if summary.usage.currency:
        metadata["usage"] = {"total_price": summary.usage.total_cost or "0", "currency": summary.usage.currency}
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
