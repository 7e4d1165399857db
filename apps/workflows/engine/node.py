"""What a node type is to the engine, and what a running node sees of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.workflows.engine.events import Usage
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.tool_port import ToolInfo
from apps.workflows.engine.variables import Reference, Template, Values

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """What a node gives when it succeeds.

    `handle` is the way on that a branching node chose; `writes` are variables to set, by path (`conversation.topic`).
    A `partial` one has dealt with failures inside it, so that the run has succeeded only in part.
    """

    outputs: Mapping[str, Any]
    handle: str | None = None
    writes: Mapping[str, Any] = field(default_factory=dict)
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass through a container's body: its number, what only it knows, and what the container wants of it.

    `collect` gets the values of the finished round.
    """

    index: int
    values: Mapping[str, Any]
    collect: Callable[[Values], Any] | None = None


class OtherWorkflow(Protocol):
    """A workflow that the run may call, as its nodes know it."""

    @property
    def info(self) -> ToolInfo: ...

    @property
    def check(self) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        """Gives the inputs of a call with defaults filled in. Raises NodeFailure where they do not fit."""
        ...


class World(Protocol):
    """What a running node may ask of the run it belongs to."""

    def text(self, piece: str) -> None:
        """Stream a piece of the node's `text` output."""
        ...

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        """Let followers see something at once that is no output, such as a step of an agent."""
        ...

    def recall(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """What this node has noted of this kind before: in earlier tries, and in processes that died."""
        ...

    @property
    def usage_is_counted(self) -> bool:
        """Whether the tokens of what is recalled are counted: those of tries in this process are."""
        ...

    async def intend(self, *, settled: bool = False) -> str:
        """Announce an act on the world and wait until the log holds it; returns the act's idempotency key.

        The key is the same whenever this node of this round of this run is tried again, also by another process.
        `settled` says that the outcome of every earlier act of the node is known.
        """
        ...

    def room_for(self, rounds: int) -> None:
        """Make sure that the run may take so many rounds of the container. Raises NodeFailure."""
        ...

    async def round(self, round_: Round) -> Any:
        """Run the container's body once; returns what `collect` gives. Raises NodeFailure if a node in it fails."""
        ...

    def callee(self, name: str) -> OtherWorkflow | None:
        """The workflow of this name that the run may call; None where there is none."""
        ...

    async def call(self, callee: OtherWorkflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run another workflow inside this run; returns its outputs. Raises NodeFailure if a node in it fails."""
        ...

    def later(self, seconds: float | None) -> float | None:
        """Unix time so many seconds from now; None for None."""
        ...

    def reply(self, asks: Mapping[str, Any], *, until: float | None) -> Mapping[str, Any]:
        """What somebody answered; the first time nobody has yet, and the node is put aside until they do."""
        ...


class NodeContext:
    """A running node's view of its run.

    `inputs`, `process` and `usage` are for people who look at the run later: a node sets them as soon as it knows
    them, so that they are there when it fails too.
    """

    __slots__ = ("inputs", "node_id", "ports", "process", "text", "usage", "values", "world")

    def __init__(self, *, node_id: str, values: Values, ports: Ports, world: World) -> None:
        self.node_id = node_id
        self.values = values
        self.ports = ports
        self.world = world
        #: Stream a piece of the node's `text` output.
        self.text = world.text
        self.inputs: Mapping[str, Any] = {}
        self.process: Mapping[str, Any] = {}
        self.usage: Usage | None = None


class Executor(Protocol):
    """A node's configuration, compiled: shared by all runs of a version, so it keeps no state."""

    async def run(self, context: NodeContext) -> NodeResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A reference that a node's configuration makes, at `pointer` within it.

    `optional` ones are expected to be empty at times, so nobody needs a warning about them.
    """

    pointer: str
    reference: Reference
    optional: bool = False


def own_keys(config: Config) -> dict[str, Any]:
    """A configuration without what others have noted in it (keys that start with `x-`)."""
    return {key: value for key, value in config.items() if not key.startswith("x-")}


def _nothing(_config: Config) -> tuple[()]:
    return ()


def _no_names(_config: Config) -> Mapping[str, frozenset[str] | None]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A type of node: how its configuration looks and what becomes of it.

    The functions take a configuration that agrees with `schema`. `outputs` are the names it gives (None: any);
    `handles` the ways on a branching node may choose (empty: only the plain one); `answer` the text that an answer
    node shows to the reader. A `container` has a graph of its own under `body`; `round_names` are the roots that exist
    in it with the names below each (None: any), `inner_uses` the references that the container makes from inside. A run
    begins at an `entry`. `verbatim` are the keys whose texts are in another language: braces in them are not ours.
    """

    name: str
    schema: Mapping[str, Any]
    compile: Callable[[Config], Executor]
    outputs: Callable[[Config], frozenset[str] | None]
    uses: Callable[[Config], Iterable[Use]] = field(default=_nothing)
    handles: Callable[[Config], tuple[str, ...]] = field(default=_nothing)
    answer: Callable[[Config], Template] | None = None
    verbatim: frozenset[str] = frozenset()
    container: bool = False
    entry: bool = False
    round_names: Callable[[Config], Mapping[str, frozenset[str] | None]] = field(default=_no_names)
    inner_uses: Callable[[Config], Iterable[Use]] = field(default=_nothing)


Registry = Mapping[str, NodeType]
