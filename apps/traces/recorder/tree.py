"""The order of a trace's spans: what began, in that order, and what never did, where the document has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.traces.recorder.notes import StepNotes


def placed(document: Iterable[str], steps: Sequence[StepNotes]) -> list[StepNotes | str]:
    """Steps as they began; a node of the document that never began stands after its neighbour there."""
    last = {step.node_id: place for place, step in enumerate(steps)}
    after: dict[int, list[str]] = {}
    before = -1
    for node_id in document:
        if node_id in last:
            before = last[node_id]
        else:
            after.setdefault(before if before >= 0 else len(steps) - 1, []).append(node_id)
    order: list[StepNotes | str] = [*after.get(-1, ())]
    for place, step in enumerate(steps):
        order.extend((step, *after.get(place, ())))
    return order
