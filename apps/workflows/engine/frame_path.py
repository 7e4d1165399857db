"""How the rounds of containers are named: `node:index`, joined by slashes from the outermost container inwards."""

from __future__ import annotations

from apps.workflows.engine.events import FramePath


def inner_path(outer: FramePath, node_id: str, index: int) -> FramePath:
    """The path of a round of a container."""
    step = f"{node_id}:{index}"
    return f"{outer}/{step}" if outer else step


def lies_inside(path: FramePath, frame: FramePath, node_id: str) -> bool:
    """Whether a frame is a round of this container, or inside one."""
    return path.startswith(f"{frame}/{node_id}:" if frame else f"{node_id}:")


def lies_in(path: FramePath, outer: FramePath) -> bool:
    """Whether a frame is another one or inside it."""
    return not outer or path == outer or path.startswith(outer + "/")
