"""The one closed hierarchy of what happens in a run.

Everything that follows a run (SSE, WebSocket, traces, the admin, replay) reads these and nothing else. An event is
immutable, holds JSON values only, and becomes a `dict` and back without loss (`to_dict`, `from_dict`).
Skipped nodes have no event: they follow from the outcomes of the others.

`frame` names the round of a container that a node runs in: empty for the workflow itself, else `node:index` joined by
slashes from the outermost container inwards (`each:3/inner:0`). A node is known by its frame and its id together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

NodeId = str
JsonObject = Mapping[str, Any]
#: The code of the error of a node that was at work when its run, or its round, came to an end: it did not fail itself.
BROKEN_OFF: Final = "stopped"
RunStatus = Literal["succeeded", "partial-succeeded", "failed", "stopped"]
FramePath = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens a model counted. `input_tokens` is the total, cached and written ones included.

    Costs are decimal digits, as the prices were at the moment of the call; empty where nobody knows them. Of calls
    together they are those of the calls whose prices are known, in the currency of the first.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    input_cost: str = ""
    output_cost: str = ""
    currency: str = ""

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def total_cost(self) -> str:
        """Both costs together."""
        return _added(self.input_cost, self.output_cost)

    def values(self) -> dict[str, Any]:
        """As JSON values. What came later is left out while it says nothing: logs and stories of before stay true."""
        body = {name: getattr(self, name) for name in _NAMES[Usage]}
        return {name: value for name, value in body.items() if value or name not in _LATER}

    def __add__(self, other: Usage) -> Usage:
        return self._with(other, 1)

    def __sub__(self, other: Usage) -> Usage:
        return self._with(other, -1)

    def _with(self, other: Usage, times: int) -> Usage:
        # Amounts of two currencies have no sum.
        adds = not other.currency or self.currency in ("", other.currency)
        return Usage(
            input_tokens=self.input_tokens + times * other.input_tokens,
            output_tokens=self.output_tokens + times * other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + times * other.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens + times * other.reasoning_tokens,
            cache_write_tokens=self.cache_write_tokens + times * other.cache_write_tokens,
            input_cost=_added(self.input_cost, other.input_cost, times) if adds else self.input_cost,
            output_cost=_added(self.output_cost, other.output_cost, times) if adds else self.output_cost,
            currency=self.currency or other.currency,
        )


def _added(one: str, other: str, times: int = 1) -> str:
    if not other:
        return one
    return f"{(Decimal(one or 0) + times * Decimal(other)).normalize():f}"


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
    """The run was accepted and begins. `sys` is what `sys` holds besides the query and the files.

    `entry` is the node where it begins, told where a workflow has several.
    """

    kind: ClassVar[str] = "run_started"
    inputs: JsonObject
    query: str = ""
    sys: JsonObject = field(default_factory=dict)
    entry: NodeId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """The run goes on in another process or after a pause; `reason` is takeover, answer, timeout or fork.

    Nodes that had started and have no outcome start again, with the next attempt.
    """

    kind: ClassVar[str] = "run_resumed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(Event):
    """Nothing is left to do until somebody answers one of the nodes that wait."""

    kind: ClassVar[str] = "run_paused"
    waiting: Sequence[JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStarted(Event):
    """A container begins a round: `frame` is the round's own path, `values` what only it knows (item, index ...)."""

    kind: ClassVar[str] = "frame_started"
    node_id: NodeId
    frame: FramePath
    index: int
    values: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFinished(Event):
    """A round is over. `output` is what the container collects of it; with an `error` the round failed.

    A `retryable` failure is one that another try of the container may not meet.
    """

    kind: ClassVar[str] = "frame_finished"
    node_id: NodeId
    frame: FramePath
    index: int
    output: Any = None
    error: ErrorInfo | None = None
    elapsed: float = 0.0
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Event):
    """A node begins; `index` counts started nodes from 1. A later `attempt` voids what an earlier one streamed.

    A `reused` one does not run: another run's outcome stands for it, and follows.
    """

    kind: ClassVar[str] = "node_started"
    node_id: NodeId
    node_type: str
    title: str
    index: int
    predecessor_id: NodeId | None = None
    frame: FramePath = ""
    attempt: int = 1
    reused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRetried(Event):
    """A node failed and will be tried again in `delay` seconds, as `attempt`; what it had streamed is void."""

    kind: ClassVar[str] = "node_retried"
    node_id: NodeId
    error: ErrorInfo
    attempt: int
    delay: float
    frame: FramePath = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIntended(Event):
    """A node is about to act on the world, under an idempotency key; the log holds this before the act begins."""

    kind: ClassVar[str] = "node_intended"
    node_id: NodeId
    key: str
    frame: FramePath = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWaiting(Event):
    """A node waits for somebody: `asks` is what they are shown, `until` (Unix seconds) when it stops waiting."""

    kind: ClassVar[str] = "node_waiting"
    node_id: NodeId
    asks: JsonObject
    until: float | None = None
    frame: FramePath = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswered(Event):
    """Somebody (`by`) answered a node that waited, or nobody did in time (`reply` then says so)."""

    kind: ClassVar[str] = "node_answered"
    node_id: NodeId
    reply: JsonObject
    frame: FramePath = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNoted(Event):
    """Something that a running node wants to be seen at once, such as a step of an agent; `note` names its kind."""

    kind: ClassVar[str] = "node_noted"
    node_id: NodeId
    note: str
    body: JsonObject
    frame: FramePath = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText(Event):
    """A piece of text that a node produces while it runs, in order (a model's tokens)."""

    kind: ClassVar[str] = "node_text"
    node_id: NodeId
    text: str
    frame: FramePath = ""


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
    """Forget the answer so far: this is the whole of it.

    `reason` is annotation, retry, takeover, fork, failure or final; where a node runs anew, `details` has its attempt.
    """

    kind: ClassVar[str] = "answer_replaced"
    text: str
    reason: str
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSucceeded(Event):
    """A node finished. `handle` names the way on that a branching node chose.

    `inputs` are the values it resolved; `process` is what an author wants to see besides (prompt, model and its
    parameters, hits of every leg); `writes` are the variables it set (`conversation.topic`, `loop.total`) with their
    values. A `partial` one has dealt with failures inside it. `elapsed` is in seconds, `first_text` seconds until the
    first piece of text. A `reused` outcome is that of another run, which has also taken the time and paid the tokens.
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
    writes: JsonObject = field(default_factory=dict)
    partial: bool = False
    frame: FramePath = ""
    reused: bool = False


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
    frame: FramePath = ""
    reused: bool = False


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
        RunResumed,
        RunPaused,
        FrameStarted,
        FrameFinished,
        NodeStarted,
        NodeRetried,
        NodeIntended,
        NodeWaiting,
        NodeAnswered,
        NodeNoted,
        NodeText,
        AnswerText,
        AnswerReplaced,
        NodeSucceeded,
        NodeFailed,
        RunFinished,
    )
}
#: What most events do not say is left out of their stored form.
_UNSAID: dict[str, Any] = {
    **{"frame": "", "attempt": 1, "writes": {}, "partial": False, "sys": {}, "reused": False},
    **{"by": "", "entry": "", "retryable": False},
}
_NAMES = {cls: tuple(f.name for f in fields(cls)) for cls in (*KINDS.values(), Usage, ErrorInfo)}


_LATER = frozenset({"cache_write_tokens", "input_cost", "output_cost", "currency"})


def to_dict(event: Event) -> dict[str, Any]:
    """The event as JSON values, `kind` first."""
    body: dict[str, Any] = {"kind": event.kind}
    for name in _NAMES[type(event)]:
        value = getattr(event, name)
        if name in _UNSAID and value == _UNSAID[name]:
            continue
        body[name] = (
            value.values() if isinstance(value, Usage) else _flat(value) if isinstance(value, ErrorInfo) else value
        )
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
    if isinstance(value, Usage):
        return value.values()
    return {name: getattr(value, name) for name in _NAMES[ErrorInfo]}
