"""What a node type is to the engine, and what a running node sees of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.workflows.engine.events import Usage
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.variables import Reference, Template, Values

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """What a node gives when it succeeds; `handle` is the way on that a branching node chose."""

    outputs: Mapping[str, Any]
    handle: str | None = None


class NodeContext:
    """A running node's view of its run.

    `inputs`, `process` and `usage` are for people who look at the run later: a node sets them as soon as it knows
    them, so that they are there when it fails too.
    """

    __slots__ = ("inputs", "node_id", "ports", "process", "text", "usage", "values")

    def __init__(self, *, node_id: str, values: Values, ports: Ports, text: Callable[[str], None]) -> None:
        self.node_id = node_id
        self.values = values
        self.ports = ports
        #: Stream a piece of the node's `text` output.
        self.text = text
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A type of node: how its configuration looks and what becomes of it.

    The functions take a configuration that agrees with `schema`. `outputs` are the names it gives (None: any);
    `handles` the ways on a branching node may choose (empty: only the plain one); `answer` the text that an answer
    node shows to the reader. `verbatim` are the keys whose texts are in another language: braces in them are not ours.
    """

    name: str
    schema: Mapping[str, Any]
    compile: Callable[[Config], Executor]
    outputs: Callable[[Config], frozenset[str] | None]
    uses: Callable[[Config], Iterable[Use]] = field(default=_nothing)
    handles: Callable[[Config], tuple[str, ...]] = field(default=_nothing)
    answer: Callable[[Config], Template] | None = None
    verbatim: frozenset[str] = frozenset()


Registry = Mapping[str, NodeType]
