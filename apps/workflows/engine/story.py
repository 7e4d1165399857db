"""A recorded run as something that can be played again: what it was given, and all that happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.workflows.engine.events import (
    BROKEN_OFF,
    ErrorInfo,
    Event,
    FramePath,
    NodeAnswered,
    NodeFailed,
    NodeNoted,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    RunFinished,
    RunStarted,
    from_dict,
    to_dict,
)
from apps.workflows.engine.past import Place

#: The form of a story's JSON.
FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A document, the conversation's variables as they were, where the run began, and its events."""

    name: str
    document: Mapping[str, Any]
    events: Sequence[Event]
    conversation: Mapping[str, Any] = field(default_factory=dict)
    entry: str | None = None

    @property
    def started(self) -> RunStarted:
        """The first event. Raises ValueError where nothing was recorded."""
        for event in self.events:
            if isinstance(event, RunStarted):
                return event
        raise ValueError(f"Nothing was recorded of {self.name}.")

    @property
    def finished(self) -> RunFinished | None:
        """The last event, None of a run that waits."""
        return next((event for event in reversed(self.events) if isinstance(event, RunFinished)), None)


def story_to_dict(story: Story) -> dict[str, Any]:
    """The story as JSON values."""
    return {
        "story": FORM,
        "name": story.name,
        "document": dict(story.document),
        "conversation": dict(story.conversation),
        "entry": story.entry,
        "events": [to_dict(event) for event in story.events],
    }


def story_from_dict(written: Mapping[str, Any]) -> Story:
    """The story that these JSON values tell. Raises ValueError, KeyError."""
    if written.get("story") != FORM:
        raise ValueError(f"This is no story of form {FORM}.")
    return Story(
        name=written["name"],
        document=written["document"],
        conversation=written.get("conversation") or {},
        entry=written.get("entry"),
        events=[from_dict(event) for event in written["events"]],
    )


@dataclass(slots=True)
class Part:
    """What was recorded of one node in one round: the tries that failed, and how it ended."""

    tries: list[ErrorInfo] = field(default_factory=list)
    end: NodeSucceeded | NodeFailed | None = None
    notes: list[NodeNoted] = field(default_factory=list)

    @property
    def was_broken_off(self) -> bool:
        """Whether it was ended because something else had failed, or never ended."""
        return self.end is None or (isinstance(self.end, NodeFailed) and self.end.error.code == BROKEN_OFF)


@dataclass(slots=True)
class Score:
    """The parts of all nodes, in which order they ended, and what people answered."""

    parts: dict[Place, Part] = field(default_factory=dict)
    order: list[Place] = field(default_factory=list)
    replies: dict[Place, NodeAnswered] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Score:
        """The score that these events are a performance of."""
        score = cls()
        for event in events:
            score._add(event)
        return score

    def _add(self, event: Event) -> None:
        match event:
            case NodeStarted():
                self._part(event.frame, event.node_id)
            case NodeRetried():
                self._part(event.frame, event.node_id).tries.append(event.error)
            case NodeNoted():
                self._part(event.frame, event.node_id).notes.append(event)
            case NodeAnswered():
                self.replies[event.frame, event.node_id] = event
            case NodeSucceeded() | NodeFailed():
                part = self._part(event.frame, event.node_id)
                part.end = event
                if not part.was_broken_off:
                    self.order.append((event.frame, event.node_id))

    def _part(self, frame: FramePath, node_id: str) -> Part:
        return self.parts.setdefault((frame, node_id), Part())
