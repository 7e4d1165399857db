"""Which nodes have surely run when another one runs, as bit sets over nodes and the decisions of branching ones.

A fact is "node n ran" or "node n went on by handle h". `sure[n]` are facts that hold whenever n runs; `implied[f]`
the facts any of which brings f about. Both are computed once, parents first, with one machine word per 64 facts.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.workflows.dsl.outline import Outline, OutlineEdge


@dataclass(slots=True)
class Certainty:
    """Answers about one graph without circles."""

    _ancestors: list[int]
    _sure: list[int]
    _implied: list[int]
    _decisions: dict[tuple[int, str | None], int]

    def upstream(self, node: int, of: int) -> bool:
        """Whether some way leads from `node` to `of`."""
        return bool(self._ancestors[of] >> node & 1)

    def ran(self, node: int, before: int, *, by: str | None = None, branches: bool = False) -> bool:
        """Whether `node` has surely run when `before` runs; with `branches` also that it went on by `by`."""
        if branches:
            decision = self._decisions.get((node, by))
            return decision is not None and bool(self._sure[before] >> decision & 1)
        return bool(self._implied[node] & self._sure[before])


def certainty(graph: Outline, order: list[int]) -> Certainty:
    """Work the facts out; `order` lists the nodes parents first."""
    count = len(graph.nodes)
    decisions: dict[tuple[int, str | None], int] = {}
    for edge in graph.edges:
        if graph.nodes[edge.source].branches:
            decisions.setdefault((edge.source, edge.when), count + len(decisions))

    def fact(edge: OutlineEdge) -> int:
        return decisions.get((edge.source, edge.when), edge.source)

    ancestors, sure, implied = [0] * count, [0] * count, [0] * count
    for node in order:
        ways = graph.ways_in[node]
        for edge in ways:
            ancestors[node] |= ancestors[edge.source] | 1 << edge.source
        known = [sure[edge.source] | 1 << edge.source | 1 << fact(edge) for edge in ways]
        sure[node] = _join(known, graph.joins[node])
        implied[node] = 1 << node
        if graph.joins[node] != "all" or len(ways) == 1:
            for edge in ways:
                certain = fact(edge)
                implied[node] |= 1 << certain if certain >= count else implied[edge.source]
    return Certainty(ancestors, sure, implied, decisions)


def _join(known: list[int], join: str) -> int:
    if not known:
        return 0
    held = known[0]
    for facts in known[1:]:
        held = held | facts if join == "all" else held & facts
    return held
