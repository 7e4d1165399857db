"""Frames of containers: an iteration or a loop starts, begins a round, is complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.workflows.engine.events import FrameStarted, NodeFailed, NodeStarted, NodeSucceeded

Frame = dict[str, Any]
#: Our node types that clients know as containers.
_KINDS = {"iteration": "iteration", "loop": "loop"}


class Rounds:
    """Follows the containers of one run; gives (event name, data) pairs."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[NodeStarted, Frame]] = {}

    def node_started(self, event: NodeStarted, node: Frame) -> Iterator[tuple[str, Frame]]:
        """A node begins; says more if it is a container."""
        kind = _KINDS.get(event.node_type)
        if kind is not None:
            self._open[_path(event.frame, event.node_id)] = (event, node)
            yield f"{kind}_started", {**node, "metadata": {}}

    def round_started(self, event: FrameStarted) -> Iterator[tuple[str, Frame]]:
        """A container begins another round."""
        found = self._open.get(event.frame.rpartition(":")[0])
        if found is not None:
            started, node = found
            yield f"{_KINDS[started.node_type]}_next", {**node, "index": event.index}

    def node_finished(self, event: NodeSucceeded | NodeFailed, body: Frame) -> Iterator[tuple[str, Frame]]:
        """A node is done; says more if it is a container."""
        found = self._open.pop(_path(event.frame, event.node_id), None)
        if found is not None:
            process = event.process
            steps = process.get("items", process.get("rounds", 0))
            yield f"{_KINDS[found[0].node_type]}_completed", {**body, "steps": steps}

    def containers(self, frame: str) -> Frame:
        """The innermost iteration and loop around a node, as clients name them."""
        found: Frame = {"iteration_id": None, "loop_id": None}
        while frame:
            container = frame.rpartition(":")[0]
            started = self._open.get(container)
            if started is not None:
                key = f"{_KINDS[started[0].node_type]}_id"
                found[key] = found[key] or started[0].node_id
            frame = container.rpartition("/")[0]
        return found


def _path(frame: str, node_id: str) -> str:
    return f"{frame}/{node_id}" if frame else node_id
