"""The frames that clients read, and the only file that names a field of them.

Names and order are those of Dify's published service API, so that its clients work; `page`, `char_start`, `char_end`
in citations and `annotation_reply` in the metadata come on top.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from apps.workflows.engine.events import (
    BROKEN_OFF,
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    FrameStarted,
    NodeAnswered,
    NodeFailed,
    NodeNoted,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    NodeText,
    NodeWaiting,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Usage,
)
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.engine.summary import RunSummary, retriever_resources
from apps.workflows.selectors.files import linked_files, with_links
from apps.workflows.streaming.rounds import Rounds
from apps.workflows.streaming.waits import Waits

Frame = dict[str, Any]
_PRICE_UNIT = 1_000_000
_UNIT_PLACES = Decimal("0.0000001")
#: What lies with the author or the operator is a 400, as clients of this API expect; what may pass is worth a retry.
_ERROR_STATUS = {
    "provider_unavailable": 502,
    "stream_interrupted": 502,
    "invalid_model_reply": 502,
    "provider_timeout": 504,
    "timeout": 504,
    "vector_store_unavailable": 503,
    "unavailable": 503,
    "sandbox_lost": 503,
    "sandbox_unreachable": 503,
    "sandbox_busy": 429,
    "rate_limited": 429,
    "internal_error": 500,
    "interrupted": 500,
}


class Encoder:
    """Turns one run's events, in order from the first, into frames.

    `detailed` callers (API, playground) see node inputs and outputs; visitors of the chat page see names and states.
    """

    def __init__(self, info: RunInfo, *, detailed: bool = True) -> None:
        self._info = info
        self._detailed = detailed
        self._summary = RunSummary()
        self._started: dict[tuple[str, str], NodeStarted] = {}
        self._rounds = Rounds()
        self._waits = Waits(info, detailed=detailed)
        self._created_at = 0
        #: What was told when the run was last put aside.
        self._put_aside: Frame = {}
        self._ids: Frame = {"task_id": str(info.run_id), "workflow_run_id": str(info.run_id)}
        if info.message_id is not None:
            self._ids |= {"message_id": str(info.message_id), "conversation_id": str(info.conversation_id)}

    def encode(self, event: Event) -> list[Frame]:
        """The frames of one event; none for what clients have no word for."""
        self._summary.add(event)
        match event:
            case RunStarted():
                self._created_at = int(event.at)
                return [self._frame("workflow_started", data=self._run_started(event))]
            case NodeStarted():
                self._started[event.frame, event.node_id] = event
                node = self._node(event)
                return [*self._framed(self._rounds.node_started(event, node)), self._frame("node_started", data=node)]
            case NodeRetried():
                return [self._frame("node_retry", data=self._retried(event))]
            case FrameStarted():
                return self._framed(self._rounds.round_started(event))
            case NodeWaiting():
                return self._framed(self._waits.asked(event, self._title(event)))
            case NodeAnswered():
                return self._framed(self._waits.answered(event, self._title(event)))
            case RunPaused():
                self._put_aside = self._paused(event)
                return [self._frame("workflow_paused", data=self._put_aside)]
            case RunResumed():
                started = {**self._run_facts(), "inputs": {}, "reason": "resumption"}
                return [self._frame("workflow_started", data=started)]
            case NodeNoted(note="agent_thought"):
                return self._thought(event)
            case AnswerText():
                return [
                    self._frame(
                        self._says(event),
                        id=str(self._info.message_id),
                        answer=event.text,
                        from_variable_selector=[event.source_id or event.node_id, "text"],
                    )
                ]
            case NodeText():
                return [
                    self._frame(
                        "text_chunk",
                        data={"text": event.text, "from_variable_selector": [event.node_id, "text"]},
                    )
                ]
            case AnswerReplaced():
                return self._replaced(event)
            case NodeSucceeded() | NodeFailed():
                body = self._succeeded(event) if isinstance(event, NodeSucceeded) else self._failed(event)
                rounds = self._rounds.node_finished(event, body)
                return [self._frame("node_finished", data=body), *self._framed(rounds)]
            case RunFinished():
                return self._finished(event)
        return []

    def _says(self, event: AnswerText) -> str:
        """What an agent writes has a name of its own on the wire."""
        source = self._info.nodes.get(event.source_id or "")
        return "agent_message" if source is not None and source.get("type") == "agent" else "message"

    def _thought(self, event: NodeNoted) -> list[Frame]:
        """A step of an agent; visitors do not see what its tools were asked and said."""
        if not self._detailed:
            return []
        return [self._frame("agent_thought", **thought_body(self._info.run_id, event))]

    def blocking_body(self) -> Frame:
        """The body of a blocking call, once the run has finished, or waits for people."""
        waits = self._summary.is_paused
        if self._info.message_id is None:
            return {**self._ids, "data": self._put_aside if waits else self._run_finished()}
        return {
            "event": "workflow_paused" if waits else "message",
            "id": str(self._info.message_id),
            **self._ids,
            "mode": "advanced-chat",
            "answer": self._summary.answer,
            "metadata": self._metadata(),
            "created_at": self._created_at,
            **({"data": self._put_aside} if waits else {}),
        }

    def failure(self) -> Frame | None:
        """The error frame of a failed run, for callers that get a status code instead of a stream."""
        return error_frame(self._error(self._summary.error), self._ids) if self._summary.status == "failed" else None

    def retry_after(self) -> int | None:
        """Seconds after which a failed run is worth another try, where the provider said so."""
        seconds = self._summary.error.details.get("retry_after") if self._summary.error else None
        return max(1, math.ceil(seconds)) if isinstance(seconds, (int, float)) else None

    def _frame(self, event: str, **fields: Any) -> Frame:
        return {"event": event, **self._ids, "created_at": self._created_at, **fields}

    def _replaced(self, event: AnswerReplaced) -> list[Frame]:
        if event.reason == "annotation_reply":
            # The reader has seen nothing yet: to clients it is an ordinary answer, and the metadata says whose it is.
            return [self._frame("message", id=str(self._info.message_id), answer=event.text)]
        attempt = {key: value for key, value in event.details.items() if key == "attempt"}
        return [self._frame("message_replace", answer=event.text, reason=event.reason, **attempt)]

    def _framed(self, frames: Iterable[tuple[str, Frame]]) -> list[Frame]:
        return [self._frame(name, data=data) for name, data in frames]

    def _run_started(self, event: RunStarted) -> Frame:
        inputs = dict(event.inputs) if self._detailed else {}
        return {**self._run_facts(), "inputs": inputs, "reason": "initial"}

    def _run_facts(self) -> Frame:
        return {
            "id": str(self._info.run_id),
            "workflow_id": str(self._info.version_id),
            "created_at": self._created_at,
        }

    def _paused(self, event: RunPaused) -> Frame:
        summary = self._summary
        return {
            **self._run_facts(),
            "workflow_run_id": str(self._info.run_id),
            "paused_nodes": [waiting["node_id"] for waiting in event.waiting],
            "outputs": {},
            "reasons": [{"type": "human_input_required", "node_id": item["node_id"]} for item in event.waiting],
            "status": "paused",
            "elapsed_time": max(0.0, event.at - self._created_at),
            "total_tokens": summary.usage.total_tokens,
            "total_steps": summary.steps,
        }

    def _retried(self, event: NodeRetried) -> Frame:
        error = self._error(event.error)
        return {
            **self._node(self._started[event.frame, event.node_id]),
            "retry_index": event.attempt - 1,
            "status": "retry",
            "error": error.message if error else None,
            "retry_in": event.delay,
            "outputs": None,
            "execution_metadata": {},
        }

    def _title(self, event: NodeWaiting | NodeAnswered) -> str:
        started = self._started.get((event.frame, event.node_id))
        return started.title if started else event.node_id

    def _node(self, started: NodeStarted) -> Frame:
        inside = f"{started.frame}/" if started.frame else ""
        return {
            "id": f"{self._info.run_id}:{inside}{started.node_id}",
            "frame": started.frame,
            **self._rounds.containers(started.frame),
            "node_id": started.node_id,
            "node_type": started.node_type,
            "title": started.title,
            "index": started.index,
            "predecessor_node_id": started.predecessor_id,
            "inputs": None,
            "created_at": int(started.at),
            "extras": {"reused": True} if started.reused else {},
        }

    def _node_finished(self, event: NodeSucceeded | NodeFailed) -> Frame:
        usage = event.usage
        return {
            **self._node(self._started[event.frame, event.node_id]),
            "inputs": dict(event.inputs) if self._detailed else None,
            "process_data": dict(event.process) if self._detailed else None,
            "outputs": dict(event.outputs) if self._detailed else None,
            "elapsed_time": event.elapsed,
            "execution_metadata": self._execution_metadata(usage),
            "finished_at": int(event.at),
            "files": [],
        }

    def _execution_metadata(self, usage: Usage | None) -> Frame:
        if usage is None:
            return {}
        if not self._detailed or not usage.currency:
            return {"total_tokens": usage.total_tokens}
        return {
            "total_tokens": usage.total_tokens,
            "total_price": usage.total_cost or "0",
            "currency": usage.currency,
        }

    def _error(self, error: ErrorInfo | None) -> ErrorInfo | None:
        """The error as this caller may read it: its words name hosts, models, datasets and nodes of the team."""
        if self._detailed or error is None:
            return error
        return ErrorInfo(code=error.code, message=for_visitors(error.code, error.message))

    def _succeeded(self, event: NodeSucceeded) -> Frame:
        return {**self._node_finished(event), "status": "succeeded", "error": None}

    def _failed(self, event: NodeFailed) -> Frame:
        error = self._error(event.error)
        status = "exception" if event.handled else "stopped" if event.error.code == BROKEN_OFF else "failed"
        return {**self._node_finished(event), "status": status, "error": error.message if error else None}

    def _finished(self, event: RunFinished) -> list[Frame]:
        frames = []
        if event.status == "failed":
            frames.append(error_frame(self._error(event.error), self._ids))
        if self._info.message_id is not None:
            frames.append(
                self._frame(
                    "message_end",
                    id=str(self._info.message_id),
                    metadata=self._metadata(),
                    files=linked_files(self._summary.outputs),
                )
            )
        frames.append(self._frame("workflow_finished", data=self._run_finished()))
        return frames

    def _run_finished(self) -> Frame:
        summary, error = self._summary, self._error(self._summary.error)
        return {
            "id": str(self._info.run_id),
            "workflow_id": str(self._info.version_id),
            "status": summary.status,
            "outputs": with_links(summary.outputs),
            "error": error.message if error else None,
            "elapsed_time": summary.elapsed,
            "total_tokens": summary.usage.total_tokens,
            "total_steps": summary.steps,
            "created_by": {"id": self._info.end_user, "user": self._info.end_user},
            "created_at": self._created_at,
            "finished_at": self._created_at + round(summary.elapsed),
            "exceptions_count": summary.exceptions,
            "files": linked_files(summary.outputs),
        }

    def _metadata(self) -> Frame:
        summary = self._summary
        metadata: Frame = {
            "usage": usage_body(summary.usage, latency=summary.elapsed),
            "retriever_resources": retriever_resources(summary.passages),
        }
        if summary.replaced and summary.replaced.get("reason") == "annotation_reply":
            metadata["annotation_reply"] = summary.replaced
        return for_reader(metadata, public=not self._detailed)


def thought_body(run_id: UUID, event: NodeNoted) -> Frame:
    """A step of an agent in the wire's shape; told again with what came of it, it has the same id."""
    body = event.body
    return {
        "id": str(uuid5(run_id, f"{event.frame}/{event.node_id}/{body.get('position')}")),
        "position": body.get("position"),
        "thought": body.get("thought") or "",
        "observation": body.get("observation") or "",
        "tool": body.get("tool") or "",
        "tool_labels": body.get("tool_labels") or {},
        "tool_input": json.dumps(body.get("tool_input") or {}, ensure_ascii=False),
        "message_files": [str(file.get("id")) for file in body.get("files") or ()],
    }


def usage_body(usage: Usage, *, latency: float) -> Frame:
    """Usage in the wire's shape. Prices are zero where no price is known for a model.

    Unit prices are those of a million tokens on the average of the calls, so that unit times count is the price.
    """
    return {
        "prompt_tokens": usage.input_tokens,
        **_priced("prompt", usage.input_tokens, usage.input_cost),
        "completion_tokens": usage.output_tokens,
        **_priced("completion", usage.output_tokens, usage.output_cost),
        "total_tokens": usage.total_tokens,
        "total_price": usage.total_cost or "0",
        "currency": usage.currency or "USD",
        "latency": latency,
    }


def _priced(part: str, tokens: int, cost: str) -> Frame:
    if not cost or not tokens:
        return {f"{part}_unit_price": "0", f"{part}_price_unit": "0", f"{part}_price": cost or "0"}
    unit = (Decimal(cost) / tokens * _PRICE_UNIT).quantize(_UNIT_PLACES).normalize()
    return {f"{part}_unit_price": f"{unit:f}", f"{part}_price_unit": "0.000001", f"{part}_price": cost}


def error_frame(error: ErrorInfo | None, ids: Mapping[str, Any]) -> Frame:
    """An `error` event: `{code, message, status}` beside the ids."""
    code = error.code if error else "internal_server_error"
    return {
        "event": "error",
        **ids,
        "code": code,
        "message": error.message if error else "The run failed.",
        "status": _ERROR_STATUS.get(code, 400),
        "node_id": error.node_id if error else None,
    }


def for_visitors(code: str, message: str) -> str:
    """What visitors of a public chat read of an error: the reason only where it is about what they typed."""
    return message if code == "invalid_param" else "The answer could not be completed."


def for_reader(metadata: Frame, *, public: bool) -> Frame:
    """An answer's metadata; who of the team reviewed it and what it cost is nothing for visitors."""
    if not public:
        return metadata
    told = dict(metadata)
    if reviewed := metadata.get("annotation_reply"):
        told["annotation_reply"] = {name: reviewed[name] for name in reviewed if name != "author"}
    if usage := metadata.get("usage"):
        told["usage"] = {name: "0" if "price" in name else value for name, value in usage.items()}
    return told


def broken_frame(info: RunInfo) -> Frame:
    """An `error` event for a reader whose stream broke, while the run itself may go on."""
    error = ErrorInfo(code="internal_error", message="The stream broke on our side. Follow the run again.")
    return error_frame(error, {"task_id": str(info.run_id), "workflow_run_id": str(info.run_id)})


def parse_position(text: str | None) -> tuple[int, int]:
    """A `Last-Event-ID` of ours, `seq.part`, as two numbers; (0, 0) for none or somebody else's."""
    seq, _, part = (text or "").strip().partition(".")
    if not (seq.isdecimal() and len(seq) < 10 and (part.isdecimal() or not part) and len(part) < 4):
        return 0, 0
    return int(seq), int(part or 99)


def position(seq: int, part: int) -> str:
    """The id of the `part`-th frame (from 1) of event `seq`."""
    return f"{seq}.{part}"
