"""Which node of a plan may run next. Pure: no clock, no I/O, no tasks.

Every edge is decided once: taken or not. A node becomes ready, or is skipped, by counting its undecided edges down;
a skipped node's edges are not taken, and so on along an explicit stack. The whole run costs O(nodes + edges).
"""

from __future__ import annotations

from apps.workflows.engine.graph import Plan

PENDING, READY, DONE, SKIPPED = range(4)


class Scheduler:
    """The state of one pass over a plan: tell it what is done, and it says what is ready and what is skipped."""

    __slots__ = ("_live", "_open", "_plan", "came_from", "left", "state")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._live = bytearray(len(plan.nodes))
        self._open = 0
        self.left = list(plan.in_degree)
        self.state = bytearray(len(plan.nodes))
        #: The node whose edge was last taken into each node.
        self.came_from: list[int | None] = [None] * len(plan.nodes)

    @property
    def finished(self) -> bool:
        """Whether every node that will run has run."""
        return self._open == 0

    def start(self, entry: int | None = None) -> tuple[list[int], list[int]]:
        """Begin: the nodes that are ready and those that nothing leads to.

        Of several entries only `entry` runs, if it is given: the trigger that fired.
        """
        ready: list[int] = []
        skipped: list[int] = []
        for node in self._plan.entries if entry is None else (entry,):
            if self.state[node] == PENDING and self.left[node] == 0:
                self._make_ready(node, ready)
        for node in self._plan.roots:
            if self.state[node] == PENDING:
                self._skip(node, skipped)
                self._settle([(node, None, False)], ready, skipped)
        return ready, skipped

    def done(self, node: int, handle: str | None = None) -> tuple[list[int], list[int]]:
        """A node finished and goes on by `handle`: the nodes that became ready and those that are skipped."""
        self.state[node] = DONE
        self._open -= 1
        ready: list[int] = []
        skipped: list[int] = []
        self._settle([(node, handle, True)], ready, skipped)
        return ready, skipped

    def _settle(self, stack: list[tuple[int, str | None, bool]], ready: list[int], skipped: list[int]) -> None:
        ways_on, nodes, left, live = self._plan.ways_on, self._plan.nodes, self.left, self._live
        while stack:
            source, chosen, ran = stack.pop()
            for target, handle in ways_on[source]:
                taken = ran and handle == chosen
                left[target] -= 1
                if self.state[target] != PENDING:
                    continue
                if taken:
                    live[target] = 1
                    self.came_from[target] = source
                join = nodes[target].join
                if taken and join == "first":
                    self._make_ready(target, ready)
                elif left[target] > 0 and (taken or join != "all"):
                    continue
                elif live[target] and (taken or join != "all"):
                    self._make_ready(target, ready)
                else:
                    self._skip(target, skipped)
                    stack.append((target, None, False))

    def _make_ready(self, node: int, ready: list[int]) -> None:
        self.state[node] = READY
        self._open += 1
        ready.append(node)

    def _skip(self, node: int, skipped: list[int]) -> None:
        self.state[node] = SKIPPED
        skipped.append(node)
