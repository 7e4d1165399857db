"""What is different as a whole between a recorded run and the same played again: who ran, in which order, the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.workflows.engine.differing import Difference, compare
from apps.workflows.engine.events import Event, NodeFailed, NodeStarted, NodeSucceeded, RunFinished, RunPaused
from apps.workflows.engine.forking import plan_in, steps_of
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.past import Place
from apps.workflows.engine.story import Part, Score, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What was told when a story was played again; the nodes in `played` answered from the record."""

    events: Sequence[Event]
    last: RunFinished | RunPaused
    played: frozenset[Place]


def verdict(plan: Plan, story: Story, score: Score, told: Performance) -> list[Difference]:
    """All differences but those of what single nodes gave."""
    return [*_places(score, told), *_order(plan, story, score, told), *_ends(story, told)]


def name_of(place: Place) -> str:
    """A node as differences name it."""
    frame, node_id = place
    return f"{frame}/{node_id}" if frame else node_id


def is_inside(place: Place, containers: Collection[Place]) -> bool:
    """Whether a node ran in a round or call of one of these."""
    return any((step.outer, step.node_id) in containers for step in steps_of(place[0]))


def _places(score: Score, told: Performance) -> Iterator[Difference]:
    now = Score.of(told.events)
    for place, part in score.parts.items():
        if not is_inside(place, told.played):
            yield from _place(place, part, now.parts.get(place))


def _place(place: Place, part: Part, now: Part | None) -> Iterator[Difference]:
    if now is None:
        if not part.was_broken_off:
            yield Difference(place=name_of(place), what="did run when it was recorded, but does not now")
    elif part.end is not None and now.end is not None:
        handled = [getattr(end, "handled", None) for end in (part.end, now.end)]
        yield from compare(name_of(place), "handled", *handled)
        yield from compare(name_of(place), "tries", len(part.tries), len(now.tries))


def _order(plan: Plan, story: Story, score: Score, told: Performance) -> Iterator[Difference]:
    """What ended before what follows it began must do so now."""
    then, now = _orders(story.events), _orders(told.events)
    for frame in dict.fromkeys(frame for frame, _ in score.parts):
        graph = plan_in(plan, frame)
        if graph is None:
            continue
        ways = ((source, graph.nodes[target]) for source in graph.nodes for target, _ in graph.ways_on[source.index])
        for source, target in ways:
            ends, begins = (frame, source.id), (frame, target.id)
            if _holds(then, ends, begins) and _holds(now, ends, begins) is False:
                what = f"began after {source.id} had ended, and begins before it does now"
                yield Difference(place=name_of(begins), what=what)


def _ends(story: Story, told: Performance) -> Iterator[Difference]:
    finished, last = story.finished, told.last
    statuses = [end.status if isinstance(end, RunFinished) else "paused" for end in (finished, last)]
    yield from compare("", "status", *statuses)
    if isinstance(finished, RunFinished) and isinstance(last, RunFinished):
        yield from compare("", "outputs", finished.outputs, last.outputs)
        codes = [end.error.code if end.error else None for end in (finished, last)]
        yield from compare("", "error", *codes)


Orders = tuple[Mapping[Place, int], Mapping[Place, int]]


def _orders(events: Sequence[Event]) -> Orders:
    """When each node began first, and when it ended."""
    begins: dict[Place, int] = {}
    ends: dict[Place, int] = {}
    for at, event in enumerate(events):
        if isinstance(event, NodeStarted):
            begins.setdefault((event.frame, event.node_id), at)
        elif isinstance(event, (NodeSucceeded, NodeFailed)):
            ends[event.frame, event.node_id] = at
    return begins, ends


def _holds(orders: Orders, ends: Place, begins: Place) -> bool | None:
    """Whether one ended before the other began; None where one of them did not."""
    at, since = orders[1].get(ends), orders[0].get(begins)
    return None if at is None or since is None else at < since
