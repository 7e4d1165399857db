"""Random documents for the engine: branches, joins of all kinds, failures with every policy, containers in containers.

What a node reads is decided whenever the node runs, and a variable of a loop has one writer, so that a document has
one meaning, whatever the order in which its nodes happen to run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.variables import Reference
from tests.workflows.engine.reference import checksum
from tests.workflows.engine.runs import TEST_REGISTRY

Draw = Callable[[st.SearchStrategy[Any]], Any]
#: What a node gives that others may read, by type.
GIVES = {
    "probe": ["value", "list", "nested"],
    "iteration": ["output"],
    "loop": ["total", "loop_round"],
    "start": ["items"],
}


@dataclass(frozen=True)
class Probe:
    """Computes from what it sees; what it saw decides whether it fails (its first tries) and where it goes on."""

    config: Config

    async def run(self, context: NodeContext) -> NodeResult:
        seen = [context.values.get(Reference.parse(path)) for path in self.config["sees"]]
        value = checksum(self.config["name"], seen)
        case = self.config["cases"][value % len(self.config["cases"])]
        for _ in range(self.config["breaths"]):
            await asyncio.sleep(0)
        if context.world.tried < case.get("fails", 0):  # type: ignore[attr-defined]
            raise NodeFailure(case["code"], "told to fail", retryable=case["code"] == "busy")
        outputs = {"value": value, "list": list(range(value % 4)), "nested": [[value % 3], [value % 5, 1]]}
        writes = {f"loop.{name}": value for name in self.config.get("writes", ())}
        return NodeResult(outputs=outputs, handle=case.get("handle"), writes=writes)


TEST_REGISTRY["probe"] = NodeType(
    name="probe", schema={}, compile=Probe, outputs=lambda _config: frozenset(GIVES["probe"])
)


@dataclass
class Graph:
    """A graph in the making: its nodes and edges, and which nodes are decided when another one is."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, str]]
    decided: dict[str, set[str]]

    def known_to(self, sources: list[str], join: str, *, ran: bool) -> set[str]:
        """The nodes whose end has come when a node with these ways in is decided (or runs)."""
        sets = [{source} | self.decided[source] for source in sources]
        if not sets:
            return set()
        surely_all = join == "resolved" or (join == "all" and ran)
        return set.union(*sets) if surely_all else set.intersection(*sets)


class Maker:
    """Draws one document."""

    def __init__(self, draw: Draw, *, deepest: int, may_fail: bool) -> None:
        self._draw = draw
        self._deepest = deepest
        self._may_fail = may_fail
        self._count = 0

    def document(self) -> dict[str, Any]:
        """A workflow with one to three entries and an end after some of the nodes."""
        entries = ["start", "other", "third"][: self._draw(st.sampled_from([1, 1, 1, 2, 3]))]
        graph = Graph([{"id": name, "type": "start"} for name in entries], [], {name: set() for name in entries})
        self._fill(graph, depth=0, most=7, outside=["inputs.items"], writes=None, may_fail=self._may_fail)
        for number in range(self._draw(st.integers(1, 2))):
            self._add_end(graph, number)
        return {
            "skep": 1,
            "app": {"name": "random", "kind": "workflow"},
            "inputs": [{"name": "items", "type": "json"}],
            "nodes": graph.nodes,
            "edges": graph.edges,
        }

    def _fill(
        self, graph: Graph, *, depth: int, most: int, outside: list[str], writes: str | None, may_fail: bool
    ) -> None:
        """Add nodes. `writes` is the variable of a loop that exactly one of them must set, if it runs."""
        writer = self._draw(st.integers(0, most - 1)) if writes else -1
        for number in range(max(self._draw(st.integers(1, most)), writer + 1)):
            self._add(
                graph,
                depth=depth,
                outside=outside,
                writes=writes if number == writer else None,
                may_fail=may_fail,
                reads=[f"loop.{writes}"] if number == writer else [],
            )

    def _add(
        self, graph: Graph, *, depth: int, outside: list[str], writes: str | None, may_fail: bool, reads: list[str]
    ) -> None:
        self._count += 1
        name = f"n{self._count}"
        join, sources = self._ways_in(graph, inner=depth > 0)
        can_see = [*reads, *outside, *self._outputs_of(graph, graph.known_to(sources, join, ran=True))]
        kinds = ["probe"] * 3 + ([] if writes else ["if-else"])
        if depth < self._deepest:
            kinds += ["iteration", "iteration", *([] if writes else ["loop", "loop"])]
        if writes is None and "loop.round" in outside:
            kinds.append("loop-end")
        kind = self._draw(st.sampled_from(kinds))
        make = getattr(self, "_" + kind.replace("-", "_"))
        node = {"id": name, "type": kind, **make(name, can_see, depth, outside, writes, may_fail)}
        if join != "resolved":
            node["join"] = join
        node.update(self._policy(kind, may_fail=may_fail))
        graph.nodes.append(node)
        for source in sources:
            graph.edges.append(self._edge(graph, source, name))
        graph.decided[name] = graph.known_to(sources, join, ran=False)

    def _ways_in(self, graph: Graph, *, inner: bool) -> tuple[str, list[str]]:
        names = list(graph.decided)
        fewest = 0 if inner or self._draw(st.integers(0, 9)) == 0 else 1
        sources = (
            self._draw(st.lists(st.sampled_from(names), min_size=fewest, max_size=3, unique=True)) if names else []
        )
        join = self._draw(st.sampled_from(["resolved", "resolved", "resolved", "first", "all"]))
        return join, sources

    def _outputs_of(self, graph: Graph, names: set[str]) -> list[str]:
        kinds = {node["id"]: node["type"] for node in graph.nodes}
        return sorted(f"{name}.{output}" for name in names for output in GIVES.get(kinds[name], ()))

    def _edge(self, graph: Graph, source: str, target: str) -> dict[str, str]:
        kind = next(node["type"] for node in graph.nodes if node["id"] == source)
        handles = {"if-else": ["one", "else"], "probe": [None, None, None, "a"]}.get(kind, [None])
        when = self._draw(st.sampled_from([*handles, *handles, "error"]))
        return {"from": source, "to": target, **({"when": when} if when else {})}

    def _policy(self, kind: str, *, may_fail: bool) -> dict[str, Any]:
        if kind in ("loop-end", "end"):
            return {}
        thens = ["branch", "default"] + (["fail"] if may_fail else [])
        policy: dict[str, Any] = {"then": self._draw(st.sampled_from(thens))}
        if policy["then"] == "default":
            policy["outputs"] = {"value": 7, "list": [1, 2], "nested": [], "output": [3], "total": 0}
        if kind in ("probe", "iteration", "loop") and self._draw(st.booleans()):
            policy["retry"] = {"times": self._draw(st.integers(1, 2)), "first": "0ms"}
        return {"on_error": policy}

    def _probe(self, name: str, can_see: list[str], *rest: Any) -> dict[str, Any]:
        writes = rest[2]
        case = st.fixed_dictionaries(
            {},
            optional={
                "handle": st.sampled_from(["a", None]),
                "fails": st.sampled_from([0, 0, 1, 2, 9]),
            },
        )
        cases = [
            {"code": self._draw(st.sampled_from(["busy", "told_to"])), **drawn}
            for drawn in self._draw(st.lists(case, min_size=1, max_size=3))
        ]
        sees = self._draw(st.lists(st.sampled_from(can_see), max_size=3, unique=True)) if can_see else []
        config = {"name": name, "sees": sees, "cases": cases, "breaths": self._draw(st.integers(0, 4))}
        if writes:
            config |= {"writes": [writes], "sees": [f"loop.{writes}", *sees]}
        return {"config": config}

    def _if_else(self, _name: str, can_see: list[str], *_rest: Any) -> dict[str, Any]:
        numbers = [path for path in can_see if path.endswith((".value", ".total", "loop_round", "index"))]
        left = self._draw(st.sampled_from(numbers)) if numbers else "nothing.here"
        condition = {"left": left, "op": ">", "right": self._draw(st.sampled_from([0, 1, 400]))}
        return {"config": {"cases": [{"id": "one", "conditions": [condition]}]}}

    def _loop_end(self, *_args: Any) -> dict[str, Any]:
        return {}

    def _iteration(
        self, _name: str, can_see: list[str], depth: int, outside: list[str], writes: str | None, may_fail: bool
    ) -> dict[str, Any]:
        lists = [path for path in can_see if path.endswith(("items", ".list", ".nested", ".output", "item"))]
        over = self._draw(st.sampled_from([*lists * 4, *can_see])) if can_see else "nothing.here"
        # What writes a variable of a loop round by round must do so in one order, and may not be broken off.
        parallel = 1 if writes else self._draw(st.sampled_from([1, 1, 2, 3]))
        inner = Graph([], [], {})
        seen = [path for path in can_see if not path.startswith("loop.")] + ["item", "index"]
        self._fill(inner, depth=depth + 1, most=3, outside=seen, writes=writes, may_fail=may_fail and not writes)
        config = {"over": over, "body": {"nodes": inner.nodes, "edges": inner.edges}, "parallel": parallel}
        config["on_item_error"] = self._draw(st.sampled_from(["fail", "continue", "drop"]))
        config["flatten"] = self._draw(st.booleans())
        given = self._outputs_of(inner, set(inner.decided))
        if given and self._draw(st.integers(0, 4)):
            config["collect"] = self._draw(st.sampled_from(given))
        return {"config": config}

    def _loop(
        self, _name: str, can_see: list[str], depth: int, outside: list[str], _writes: None, may_fail: bool
    ) -> dict[str, Any]:
        start = (
            {"from": self._draw(st.sampled_from(can_see))} if can_see and self._draw(st.booleans()) else {"value": 1}
        )
        if not start.get("from", ".value").endswith((".value", "total", "index")):
            start = {"value": 1}
        inner = Graph([], [], {})
        seen = [path for path in can_see if not path.startswith("loop.")] + ["loop.round"]
        self._fill(inner, depth=depth + 1, most=3, outside=seen, writes="total", may_fail=may_fail)
        config = {
            "rounds": self._draw(st.integers(1, 3)),
            "variables": {"total": start},
            "body": {"nodes": inner.nodes, "edges": inner.edges},
        }
        if self._draw(st.integers(0, 3)) == 0:
            inner.nodes.append({"id": f"leave{self._count}", "type": "loop-end"})
            source = self._draw(st.sampled_from(list(inner.decided)))
            inner.edges.append(self._edge(inner, source, inner.nodes[-1]["id"]))
        if self._draw(st.booleans()):
            config["until"] = [
                {"left": "loop.total", "op": ">", "right": self._draw(st.sampled_from([0, 300, 600, 900]))}
            ]
        return {"config": config}

    def _add_end(self, graph: Graph, number: int) -> None:
        join, sources = self._ways_in(graph, inner=False)
        sources = sources or [graph.nodes[0]["id"]]
        seen = self._outputs_of(graph, graph.known_to(sources, join, ran=True))
        outputs = {f"{path.replace('.', '_')}_{number}": path for path in [*seen, "inputs.items"]}
        node: dict[str, Any] = {"id": f"end{number}", "type": "end", "join": join, "config": {"outputs": outputs}}
        graph.nodes.append(node)
        for source in sources:
            graph.edges.append(self._edge(graph, source, node["id"]))
        graph.decided[node["id"]] = graph.known_to(sources, join, ran=False)


@st.composite
def documents(draw: Draw, *, deepest: int = 2, may_fail: bool = True) -> Mapping[str, Any]:
    """A random document; `may_fail` ones have failures that nobody handles."""
    return Maker(draw, deepest=deepest, may_fail=may_fail).document()
