"""The order of a trace's spans: what began, in that order, and what never did, where the document has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.traces.recorder.notes import StepNotes


def placed(document: Iterable[str], steps: Sequence[StepNotes]) -> list[StepNotes | str]:
    """Steps as they began, those inside a container after it, round by round.

    A node of the document that never began stands after its neighbour there.
    """
    inner: dict[tuple[str, str], list[StepNotes]] = {}
    for step in steps:
        if step.container is not None:
            inner.setdefault(step.container, []).append(step)
    last_start = {(step.frame, step.node_id): step for step in steps}
    order: list[StepNotes | str] = []
    stack: list[StepNotes | str] = list(reversed(_outermost(document, [step for step in steps if not step.frame])))
    while stack:
        place = stack.pop()
        order.append(place)
        if isinstance(place, StepNotes) and last_start[place.frame, place.node_id] is place:
            rounds = sorted(inner.pop((place.frame, place.node_id), []), key=_round, reverse=True)
            stack.extend(rounds)
    return [*order, *(step for steps_left in inner.values() for step in steps_left)]


def _round(step: StepNotes) -> tuple[int, int]:
    return int(step.frame.rpartition(":")[2]), step.index or 0


def _outermost(document: Iterable[str], steps: Sequence[StepNotes]) -> list[StepNotes | str]:
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
