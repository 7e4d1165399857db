"""Folds the events of a run into its trace. Pure: no clock, no database; same events, same trace."""

from __future__ import annotations

from collections.abc import Iterable

from apps.traces.recorder.compose import compose
from apps.traces.recorder.notes import RunNotes, StepNotes, Text, micros
from apps.traces.recorder.record import RecordedTrace
from apps.workflows.engine import events
from apps.workflows.hooks import RunInfo

_OfANode = events.NodeText | events.NodeNoted | events.NodeSucceeded | events.NodeFailed


def fold(run: RunInfo, log: Iterable[tuple[int, events.Event]]) -> RecordedTrace:
    """The trace of a run from its numbered events; a log that breaks off gives an incomplete trace."""
    folding = Folding(run)
    for seq, event in log:
        folding.take(seq, event)
    return folding.finish()


class Folding:
    """A fold in progress: `take` while the run goes on (cheap), `finish` once (all the expensive work)."""

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._notes = RunNotes()
        self._steps: list[StepNotes] = []
        self._open: dict[tuple[str, str], StepNotes] = {}

    @property
    def run(self) -> RunInfo:
        return self._run

    def take(self, seq: int, event: events.Event) -> None:
        """Note one event down."""
        notes = self._notes
        notes.last_seq = seq
        match event:
            case events.NodeText():
                step = self._step(event, event.at)
                if step.first_text_us is None:
                    step.first_text_us = max(0, micros(event.at) - step.started_us)
                step.text.add(event.text)
            case events.AnswerText():
                self._saw_text(event.at)
                notes.answer.add(event.text)
                self._hear(event)
            case events.NodeStarted():
                self._start(event)
            case events.NodeNoted(note="agent_thought"):
                self._step(event, event.at).think(event.body)
            case events.NodeSucceeded() | events.NodeFailed():
                self._end(event)
            case events.AnswerReplaced():
                self._replace(event)
            case events.RunStarted():
                notes.started_us = micros(event.at)
                notes.inputs, notes.query = event.inputs, event.query
            case events.RunFinished():
                notes.status, notes.outputs, notes.error = event.status, event.outputs, event.error
                notes.steps, notes.usage = event.steps, event.usage
                notes.elapsed_us = micros(event.elapsed)
        if notes.started_us is None:
            notes.started_us = micros(event.at)
        notes.last_us = max(notes.last_us, micros(event.at))

    def finish(self) -> RecordedTrace:
        """The trace of what was taken so far."""
        return compose(self._run, self._notes, self._steps)

    def _saw_text(self, at: float) -> None:
        if self._notes.first_text_us is None:
            self._notes.first_text_us = max(0, micros(at) - (self._notes.started_us or micros(at)))

    def _hear(self, event: events.AnswerText) -> None:
        """Give the text to the node that made it, while that runs: its outcome will hold all of it."""
        step = self._open.get(("", event.source_id or event.node_id))
        if step is None or step.ended_us is not None:
            return
        if step.first_text_us is None:
            step.first_text_us = max(0, micros(event.at) - step.started_us)
        step.heard.add(event.text)

    def _start(self, event: events.NodeStarted) -> None:
        step = StepNotes(
            node_id=event.node_id,
            node_type=event.node_type,
            title=event.title,
            index=event.index,
            predecessor=event.predecessor_id or "",
            frame=event.frame,
            attempt=event.attempt,
            started_us=micros(event.at),
        )
        # A node may start again, in another process: later events belong to its latest start.
        self._open[event.frame, event.node_id] = step
        self._steps.append(step)

    def _step(
        self, event: events.NodeText | events.NodeSucceeded | events.NodeFailed | events.NodeNoted, at: float
    ) -> StepNotes:
        """The latest start of the node; in a log without that event, its first sign of life."""
        place = event.frame, event.node_id
        step = self._open.get(place)
        if step is None:
            known = self._run.nodes.get(event.node_id, {})
            step = StepNotes(
                node_id=event.node_id,
                frame=event.frame,
                node_type=known.get("type", ""),
                title=known.get("title", ""),
                started_us=micros(at),
            )
            self._open[place] = step
            self._steps.append(step)
        return step

    def _end(self, event: events.NodeSucceeded | events.NodeFailed) -> None:
        step = self._step(event, event.at - event.elapsed)
        step.ended_us = micros(event.at)
        step.elapsed_us = micros(event.elapsed)
        step.inputs, step.outputs, step.process = event.inputs, event.outputs, event.process
        step.usage = event.usage
        if isinstance(event, events.NodeFailed):
            step.failed, step.handled, step.error = True, event.handled, event.error
            return
        step.handle = event.handle or ""
        if event.first_text is not None:
            step.first_text_us = micros(event.first_text)

    def _replace(self, event: events.AnswerReplaced) -> None:
        notes = self._notes
        self._saw_text(event.at)
        entry = {"reason": event.reason, "details": dict(event.details), "at": event.at}
        if notes.answer.length:
            entry["before"] = notes.answer.joined()
        notes.replaced.append(entry)
        notes.answer = Text()
        notes.answer.add(event.text)
