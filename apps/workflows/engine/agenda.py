"""Ready nodes of all frames of a run, the one with the longest way before it first."""

from __future__ import annotations

from heapq import heappop, heappush

from apps.workflows.engine.frame import Frame


class Agenda:
    """A heap; of nodes that are equally urgent, the one that was ready first goes first."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Frame, int]] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, frame: Frame, node: int) -> None:
        """A node is ready."""
        self._count += 1
        heappush(self._heap, (-(frame.weight + frame.plan.nodes[node].priority), self._count, frame, node))

    def take(self) -> tuple[Frame, int]:
        """The most urgent one."""
        _, _, frame, node = heappop(self._heap)
        return frame, node
