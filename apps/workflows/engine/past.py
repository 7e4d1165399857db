"""What a run's log says already happened, for a process that takes the run over or resumes it.

A run is continued by running it again over its past: a node with an outcome is not run but recalled, everything else
is done anew. So there is one way to run a plan, and no second representation of a run's state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.workflows.engine.errors import OUTCOME_UNKNOWN
from apps.workflows.engine.events import (
    BROKEN_OFF,
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    FrameFinished,
    FramePath,
    FrameStarted,
    NodeAnswered,
    NodeFailed,
    NodeId,
    NodeIntended,
    NodeNoted,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    NodeWaiting,
    RunStarted,
    Usage,
)
from apps.workflows.engine.frame_path import lies_in, lies_inside

Place = tuple[FramePath, NodeId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a node ended, as the `order`th of the run; with an `error` the failure was handled by the document."""

    order: int
    outputs: Mapping[str, Any]
    handle: str | None = None
    error: ErrorInfo | None = None
    partial: bool = False


@dataclass(slots=True)
class Past:
    """Grows with `add`, in the order of the log."""

    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    attempts: dict[Place, int] = field(default_factory=dict)
    tried: dict[Place, int] = field(default_factory=dict)
    #: Acts of which it is not known how they ended.
    intended: set[Place] = field(default_factory=set)
    #: What nodes that have not ended noted, with its kind.
    noted: dict[Place, list[tuple[str, Mapping[str, Any]]]] = field(default_factory=dict)
    asked: set[Place] = field(default_factory=set)
    replies: dict[Place, Mapping[str, Any]] = field(default_factory=dict)
    #: What was told of each frame when it began.
    frames_begun: dict[FramePath, Mapping[str, Any]] = field(default_factory=dict)
    frames_ended: set[FramePath] = field(default_factory=set)
    #: Why frames failed, and whether another try may help.
    frames_failed: dict[FramePath, tuple[ErrorInfo, bool]] = field(default_factory=dict)
    conversation: dict[str, Any] = field(default_factory=dict)
    #: The latest values of the variables that were set in the rounds of loops, by round.
    loops: dict[FramePath, dict[str, Any]] = field(default_factory=dict)
    sys: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    steps: int = 0
    began_at: float | None = None
    #: The nodes that have begun rounds.
    _containers: set[Place] = field(default_factory=set)
    #: Set by what the reader has seen, replacements included.
    _answer: list[str] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """The answer as the readers have it."""
        return "".join(self._answer)

    def said_inside(self, container: NodeId, answers: Collection[NodeId]) -> Iterator[tuple[Place, str]]:
        """What answer nodes in the rounds of an outermost container said, in order."""
        yield from self._said(answers, lambda frame: lies_inside(frame, "", container))

    def said_in(self, path: FramePath, answers: Collection[NodeId]) -> Iterator[tuple[Place, str]]:
        """What answer nodes in a frame said, and in those inside it."""
        yield from self._said(answers, lambda frame: lies_in(frame, path))

    def _said(self, answers: Collection[NodeId], where: Callable[[FramePath], bool]) -> Iterator[tuple[Place, str]]:
        for (frame, name), outcome in self.outcomes.items():
            if name in answers and outcome.error is None and where(frame):
                yield (frame, name), str(outcome.outputs.get("text", ""))

    def forget_inside(self, frame: FramePath, node_id: NodeId) -> None:
        """A container is tried again: its rounds begin anew.

        What people answered in them stays answered, and variables from outside of it keep what was set in them.
        """
        if (frame, node_id) not in self._containers:
            return  # most nodes have no rounds, and the past may be long
        known: tuple[dict[Place, Any], ...] = self.outcomes, self.attempts, self.tried, self.noted
        for facts in known:
            for place in [place for place in facts if lies_inside(place[0], frame, node_id)]:
                del facts[place]
        for path in [path for path in self.frames_begun if lies_inside(path, frame, node_id)]:
            del self.frames_begun[path]
            self.frames_ended.discard(path)
            self.frames_failed.pop(path, None)
            self.loops.pop(path, None)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Past:
        """The past that these events tell of."""
        past = cls()
        for event in events:
            past.add(event)
        return past

    def add(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case RunStarted():
                self.began_at = event.at
                self.sys = event.sys
            case NodeStarted():
                self.steps += 1
                self.attempts[event.frame, event.node_id] = event.attempt
            case NodeRetried():
                place = event.frame, event.node_id
                self.attempts[place] = event.attempt - 1
                self.tried[place] = self.tried.get(place, 0) + 1
                self.forget_inside(*place)
            case NodeSucceeded():
                self._ended(event, _outcome(event, len(self.outcomes)))
                self._wrote(event)
            case NodeFailed():
                if event.handled:
                    self._ended(event, Outcome(order=len(self.outcomes), outputs=event.outputs, error=event.error))
                elif event.usage is not None:
                    self.usage += event.usage
                if event.error.code not in (BROKEN_OFF, OUTCOME_UNKNOWN):
                    self.intended.discard((event.frame, event.node_id))
            case NodeNoted():
                self.noted.setdefault((event.frame, event.node_id), []).append((event.note, event.body))
            case NodeIntended():
                self.intended.add((event.frame, event.node_id))
            case NodeWaiting():
                self.asked.add((event.frame, event.node_id))
            case NodeAnswered():
                self.replies[event.frame, event.node_id] = event.reply
            case FrameStarted():
                self.frames_begun[event.frame] = event.values
                self._containers.add((event.frame.rpartition("/")[0], event.node_id))
            case FrameFinished():
                self.frames_ended.add(event.frame)
                if event.error is not None:
                    self.frames_failed[event.frame] = event.error, event.retryable
            case AnswerText():
                self._answer.append(event.text)
            case AnswerReplaced():
                self._answer = [event.text]

    def _wrote(self, event: NodeSucceeded) -> None:
        for path, value in event.writes.items():
            root, _, name = path.partition(".")
            if root == "conversation":
                self.conversation[name] = value
            elif (round_ := self._round_of_loop(event.frame)) is not None:
                self.loops.setdefault(round_, {})[name] = value

    def _round_of_loop(self, frame: FramePath) -> FramePath | None:
        """The round of the innermost loop around a frame: it holds what nodes there know as `loop`."""
        while frame and "loop" not in self.frames_begun.get(frame, ()):
            frame = frame.rpartition("/")[0]
        return frame or None

    def _ended(self, event: NodeSucceeded | NodeFailed, outcome: Outcome) -> None:
        self.outcomes[event.frame, event.node_id] = outcome
        if outcome.error is None or outcome.error.code != OUTCOME_UNKNOWN:
            self.intended.discard((event.frame, event.node_id))
        self.noted.pop((event.frame, event.node_id), None)
        if event.usage is not None:
            self.usage += event.usage


def _outcome(event: NodeSucceeded, order: int) -> Outcome:
    return Outcome(order=order, outputs=event.outputs, handle=event.handle, partial=event.partial)
