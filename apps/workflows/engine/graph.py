"""Compile a document into an immutable plan that every run of the version shares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from apps.workflows.engine.errors import InvalidGraph
from apps.workflows.engine.node import Executor, NodeType, Registry, own_keys
from apps.workflows.engine.policy import ErrorPolicy, compile_policy, seconds
from apps.workflows.engine.variables import Template

#: When a node with several ways in runs: `resolved` once all are decided and any was taken; `first` at the first
#: one taken; `all` only if every one was taken.
Join = Literal["resolved", "first", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNode:
    """One node, ready to run. `priority` is the number of nodes on the longest way from here to an end.

    `body` is the graph inside a container.
    """

    index: int
    id: str
    type: str
    title: str
    executor: Executor
    join: Join
    policy: ErrorPolicy
    timeout: float | None
    priority: int
    answer: Template | None
    body: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled document. Nodes are numbered in document order; `order` lists them parents first.

    `ways_on[n]` are (target, handle) pairs, `ways_in[n]` (source, handle) pairs; a handle of None is the plain way.
    `in_degree[n]` counts them; `roots` have none. `inputs` are the declared inputs with their defaults.
    `reading_order` places the answer nodes; `answer_sources` are the nodes whose outputs some answer shows. The graph
    inside a container is a plan of the kind `body`. `start` is where those runs begin that no
    trigger sets off. A plan `speaks` if there is an answer node in it, however deep.
    """

    digest: str
    kind: str
    nodes: tuple[PlanNode, ...]
    index_of: Mapping[str, int]
    ways_on: tuple[tuple[tuple[int, str | None], ...], ...]
    ways_in: tuple[tuple[tuple[int, str | None], ...], ...]
    in_degree: tuple[int, ...]
    roots: tuple[int, ...]
    order: tuple[int, ...]
    entries: tuple[int, ...]
    reading_order: Mapping[int, int]
    answer_sources: frozenset[int]
    ends: tuple[int, ...]
    start: int | None
    inputs: Mapping[str, Any]
    speaks: bool


Ways = list[list[tuple[int, str | None]]]


def digest_of(document: Mapping[str, Any]) -> str:
    """The name of a document's content: SHA-256 of its canonical JSON."""
    body = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def compile_plan(document: Mapping[str, Any], *, registry: Registry) -> Plan:
    """The plan of a document that passed validation. Raises InvalidGraph for one that cannot run."""
    nodes = document["nodes"]
    entries = [index for index, node in enumerate(nodes) if _kind(node, registry).entry]
    if not entries:
        raise InvalidGraph("There is no start node.")
    return _compile_graph(
        nodes,
        document.get("edges") or (),
        registry=registry,
        kind=document["app"]["kind"],
        digest=digest_of(document),
        entries=entries,
        inputs={field["name"]: field.get("default") for field in document.get("inputs") or ()},
    )


def compile_body(config: Mapping[str, Any], *, registry: Registry) -> Plan:
    """The plan of the graph inside a container; its entries are the nodes that nothing leads to."""
    body = config["body"]
    return _compile_graph(
        body["nodes"], body.get("edges") or (), registry=registry, kind="body", digest="", entries=None, inputs={}
    )


def _compile_graph(
    nodes: Sequence[Mapping[str, Any]],
    edges: Any,
    *,
    registry: Registry,
    kind: str,
    digest: str,
    entries: Sequence[int] | None,
    inputs: Mapping[str, Any],
) -> Plan:
    index_of = {node["id"]: index for index, node in enumerate(nodes)}
    if len(index_of) != len(nodes):
        raise InvalidGraph("Two nodes have the same id.")
    ways_on, ways_in = _ways(edges, index_of)
    order = topological_order(ways_on, ways_in)
    priorities = _priorities(ways_on, order)
    made = tuple(_compile_node(node, index, priorities[index], registry) for index, node in enumerate(nodes))
    roots = tuple(index for index, ways in enumerate(ways_in) if not ways)
    return Plan(
        digest=digest,
        kind=kind,
        nodes=made,
        index_of=index_of,
        ways_on=tuple(map(tuple, ways_on)),
        ways_in=tuple(map(tuple, ways_in)),
        in_degree=tuple(map(len, ways_in)),
        roots=roots,
        order=tuple(order),
        entries=roots if entries is None else tuple(entries),
        reading_order={index: place for place, index in enumerate(order) if made[index].answer is not None},
        answer_sources=_answer_sources(made, index_of),
        ends=tuple(index for index in order if made[index].type == "end"),
        start=next((index for index in order if made[index].type == "start"), None),
        inputs=inputs,
        speaks=any(node.answer is not None or (node.body is not None and node.body.speaks) for node in made),
    )


def answers_in(plan: Plan) -> frozenset[str]:
    """The ids of all answer nodes, in containers too."""
    found: set[str] = set()
    stack = [plan]
    while stack:
        for node in stack.pop().nodes:
            if node.answer is not None:
                found.add(node.id)
            if node.body is not None:
                stack.append(node.body)
    return frozenset(found)


def certain_steps(plan: Plan) -> int:
    """How many nodes a pass starts at least, if none fails: those that no branch leads to."""
    certain: set[int] = set()
    for index in plan.order:
        ways = [
            source in certain and all(handle is None for _, handle in plan.ways_on[source])
            for source, _ in plan.ways_in[index]
        ]
        if not ways or (all(ways) if plan.nodes[index].join == "all" else any(ways)):
            certain.add(index)
    return len(certain)


def topological_order(ways_on: Ways, ways_in: Ways) -> list[int]:
    """Node numbers, parents first and otherwise in document order. Raises InvalidGraph when there is a cycle."""
    left = [len(ways) for ways in ways_in]
    order = [index for index, count in enumerate(left) if count == 0]
    for index in order:  # grows while it is walked
        for target, _ in ways_on[index]:
            left[target] -= 1
            if left[target] == 0:
                order.append(target)
    if len(order) != len(left):
        raise InvalidGraph("The edges go in a circle.")
    return order


def _ways(edges: Any, index_of: Mapping[str, int]) -> tuple[Ways, Ways]:
    ways_on: Ways = [[] for _ in index_of]
    ways_in: Ways = [[] for _ in index_of]
    for edge in edges:
        try:
            source, target = index_of[edge["from"]], index_of[edge["to"]]
        except KeyError as missing:
            raise InvalidGraph(f"An edge names {missing}, which is no node.") from None
        handle = edge.get("when")
        ways_on[source].append((target, handle))
        ways_in[target].append((source, handle))
    return ways_on, ways_in


def _priorities(ways_on: Ways, order: list[int]) -> list[int]:
    priorities = [1] * len(order)
    for index in reversed(order):
        for target, _ in ways_on[index]:
            priorities[index] = max(priorities[index], priorities[target] + 1)
    return priorities


def _answer_sources(nodes: tuple[PlanNode, ...], index_of: Mapping[str, int]) -> frozenset[int]:
    shown = (reference.root for node in nodes if node.answer for reference in node.answer.references())
    return frozenset(index_of[root] for root in shown if root in index_of)


def _compile_node(node: Mapping[str, Any], index: int, priority: int, registry: Registry) -> PlanNode:
    kind = _kind(node, registry)
    config = own_keys(node.get("config") or {})
    return PlanNode(
        index=index,
        id=node["id"],
        type=node["type"],
        title=node.get("title") or node["id"],
        executor=kind.compile(config),
        join=node.get("join", "resolved"),
        policy=compile_policy(node.get("on_error")),
        timeout=seconds(node["timeout"]) if "timeout" in node else None,
        priority=priority,
        answer=kind.answer(config) if kind.answer is not None else None,
        body=compile_body(config, registry=registry) if kind.container else None,
    )


def _kind(node: Mapping[str, Any], registry: Registry) -> NodeType:
    kind = registry.get(node["type"])
    if kind is None:
        raise InvalidGraph(f"There is no node type {node['type']!r}.")
    return kind
