"""The one closed hierarchy of what happens in a run.

Everything that follows a run (SSE, WebSocket, traces, the admin, replay) reads these and nothing else. An event is
immutable, holds JSON values only, and becomes a `dict` and back without loss (`to_dict`, `from_dict`).
Skipped nodes have no event: they follow from the outcomes of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

NodeId = str
JsonObject = Mapping[str, Any]
RunStatus = Literal["succeeded", "partial-succeeded", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens a model counted. `input_tokens` is the total, cached ones included."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """Why a node or a run failed, in a form that can be stored and shown."""

    code: str
    message: str
    node_id: NodeId | None = None
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at `at` (Unix seconds, UTC, microseconds kept)."""

    kind: ClassVar[str] = ""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The run was accepted and begins."""

    kind: ClassVar[str] = "run_started"
    inputs: JsonObject
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Event):
    """A node begins; `index` counts started nodes from 1."""

    kind: ClassVar[str] = "node_started"
    node_id: NodeId
    node_type: str
    title: str
    index: int
    predecessor_id: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText(Event):
    """A piece of text that a node produces while it runs, in order (a model's tokens)."""

    kind: ClassVar[str] = "node_text"
    node_id: NodeId
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText(Event):
    """A piece of the answer as the reader gets it, in reading order; `source_id` made the text.

    For one answer node the pieces joined are exactly its `text` output.
    """

    kind: ClassVar[str] = "answer_text"
    node_id: NodeId
    text: str
    source_id: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReplaced(Event):
    """Forget the answer so far: this is the whole of it (`reason`: annotation, retry, failure ...)."""

    kind: ClassVar[str] = "answer_replaced"
    text: str
    reason: str
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSucceeded(Event):
    """A node finished. `handle` names the way on that a branching node chose.

    `inputs` are the values it resolved; `process` is what an author wants to see besides (prompt, model and its
    parameters, hits of every leg); `elapsed` is in seconds, `first_text` seconds until the first piece of text.
    """

    kind: ClassVar[str] = "node_succeeded"
    node_id: NodeId
    outputs: JsonObject
    handle: str | None = None
    inputs: JsonObject = field(default_factory=dict)
    process: JsonObject = field(default_factory=dict)
    usage: Usage | None = None
    elapsed: float = 0.0
    first_text: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFailed(Event):
    """A node failed for good. `handled` tells whether the workflow goes on by an error branch or a default."""

    kind: ClassVar[str] = "node_failed"
    node_id: NodeId
    error: ErrorInfo
    handled: bool = False
    outputs: JsonObject = field(default_factory=dict)
    inputs: JsonObject = field(default_factory=dict)
    process: JsonObject = field(default_factory=dict)
    usage: Usage | None = None
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The last event of every run."""

    kind: ClassVar[str] = "run_finished"
    status: RunStatus
    outputs: JsonObject
    error: ErrorInfo | None = None
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    elapsed: float = 0.0


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunStarted,
        NodeStarted,
        NodeText,
        AnswerText,
        AnswerReplaced,
        NodeSucceeded,
        NodeFailed,
        RunFinished,
    )
}
_NAMES = {cls: tuple(f.name for f in fields(cls)) for cls in (*KINDS.values(), Usage, ErrorInfo)}


def to_dict(event: Event) -> dict[str, Any]:
    """The event as JSON values, `kind` first."""
    body: dict[str, Any] = {"kind": event.kind}
    for name in _NAMES[type(event)]:
        value = getattr(event, name)
        body[name] = _flat(value) if isinstance(value, (Usage, ErrorInfo)) else value
    return body


def from_dict(body: Mapping[str, Any]) -> Event:
    """The event that `to_dict` made the body of. Raises KeyError for an unknown kind."""
    values = {name: value for name, value in body.items() if name != "kind"}
    if values.get("usage") is not None:
        values["usage"] = Usage(**values["usage"])
    if values.get("error") is not None:
        values["error"] = ErrorInfo(**values["error"])
    return KINDS[body["kind"]](**values)


def _flat(value: Usage | ErrorInfo) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _NAMES[type(value)]}
