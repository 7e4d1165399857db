"""Makes the rows of a trace from the notes of a run: spans with payloads cut to size, and thoughts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.traces.recorder import reading
from apps.traces.recorder.caps import capped, preview
from apps.traces.recorder.kinds import RUN, THINKING, kind_of
from apps.traces.recorder.notes import RunNotes, StepNotes
from apps.traces.recorder.record import (
    RecordedPayload,
    RecordedSpan,
    RecordedThought,
    RecordedTrace,
    TraceRow,
)
from apps.traces.recorder.shapes import (
    cut_sizes,
    error_columns,
    error_details,
    key_of,
    short,
    stable_id,
    time_of,
    token_columns,
)
from apps.traces.recorder.steps import input_preview, output_preview, payload_of, status_of, thought_of
from apps.traces.recorder.thoughts import told_thought
from apps.traces.recorder.tree import placed
from apps.workflows.engine.events import Usage
from apps.workflows.hooks import RunInfo
from support.trace_context import read_context, span_of_step

_SPAN_STATUS = {"succeeded": "ok", "partial-succeeded": "ok", "failed": "error"}


def compose(run: RunInfo, notes: RunNotes, steps: Sequence[StepNotes]) -> RecordedTrace:
    """The rows of the trace, with ids that follow from the run: composing again gives the same."""
    composer = _Composer(run, notes, last={(step.frame, step.node_id): step for step in steps})
    for place in placed(run.nodes, steps):
        if isinstance(place, StepNotes):
            composer.add_step(place)
        else:
            composer.add_skipped(place)
    return composer.finish()


class _Composer:
    """Collects the rows of one trace."""

    def __init__(self, run: RunInfo, notes: RunNotes, *, last: Mapping[tuple[str, str], StepNotes]) -> None:
        self._run = run
        #: The latest start of each step: the one that others were told of.
        self._last = last
        self._notes = notes
        self._zero_us = notes.started_us or notes.last_us
        self._caller = read_context(run.traceparent, run.tracestate)
        self._root_id = self._id(0)
        self._root_key = key_of(self._root_id)
        self._tags = list(dict.fromkeys(entry["reason"] for entry in notes.replaced))
        self._spans: list[RecordedSpan] = []
        self._keys: dict[tuple[str, str], str] = {}
        self._payloads: list[RecordedPayload] = []
        self._thoughts: list[RecordedThought] = []

    def add_step(self, step: StepNotes) -> None:
        """A span with its payload for a node that began, and a thought if it called a model."""
        position = len(self._spans) + 1
        span_id = self._id(position, at_us=step.started_us)
        kind = kind_of(step.node_type)
        usage = step.usage or Usage()
        model, provider = reading.model_of(step.process)
        payload = payload_of(step, span_id=span_id)
        self._payloads.append(payload)
        span = RecordedSpan(
            id=span_id,
            **self._owner(),
            key=self._key(step, span_id),
            parent_key=self._keys.get(step.container, self._root_key) if step.container else self._root_key,
            name=short(step.shown_title),
            kind=kind,
            node_id=short(step.node_id),
            node_type=short(step.node_type, 100),
            predecessor=short(step.predecessor),
            handle=short(step.handle),
            position=position,
            index=step.index,
            started_at=time_of(step.started_us),
            offset_us=max(0, step.started_us - self._zero_us),
            duration_us=step.duration_us,
            first_text_us=step.first_text_us,
            status=status_of(step),
            **error_columns(step.error),
            error_handled=step.handled,
            input_preview=input_preview(payload),
            output_preview=output_preview(payload),
            model=short(model),
            provider=short(provider, 100),
            **token_columns(usage),
        )
        self._spans.append(span)
        self._keys[step.frame, step.node_id] = span.key
        if step.thoughts:
            self._add_thoughts(step, span)
        elif kind in THINKING or model:
            position = len(self._thoughts) + 1
            self._thoughts.append(
                thought_of(
                    span,
                    payload,
                    id=self._id(position, of="thought", at_us=step.started_us),
                    position=position,
                    started_at=time_of(step.started_us),
                    message_id=self._run.message_id,
                )
            )

    def _key(self, step: StepNotes, span_id: UUID) -> str:
        """What the programs were told that the step asked; a start that was broken off has a key of its own."""
        if self._last[step.frame, step.node_id] is step:
            return span_of_step(self._run.run_id, step.frame, step.node_id)
        return key_of(span_id)

    def _add_thoughts(self, step: StepNotes, span: RecordedSpan) -> None:
        """The steps of an agent, each with its own model call."""
        for body in step.thoughts:
            position = len(self._thoughts) + 1
            id_ = self._id(position, of="thought", at_us=step.started_us)
            told = told_thought(span, body, id=id_, position=position, message_id=self._run.message_id)
            self._thoughts.append(told)

    def add_skipped(self, node_id: str) -> None:
        """A span without times for a node of the document that never began."""
        known = self._run.nodes[node_id]
        position = len(self._spans) + 1
        span_id = self._id(position)
        self._spans.append(
            RecordedSpan(
                id=span_id,
                **self._owner(),
                key=key_of(span_id),
                parent_key=self._root_key,
                name=short(known.get("title") or node_id),
                kind=kind_of(known.get("type", "")),
                node_id=short(node_id),
                node_type=short(known.get("type", ""), 100),
                position=position,
                status="skipped",
            )
        )

    def finish(self) -> RecordedTrace:
        """The whole record: the run's own span first."""
        trace = self._trace()
        root = self._root(trace)
        payload = RecordedPayload(
            span_id=root.id,
            inputs=trace.input,
            outputs=trace.output,
            process={"steps": self._notes.steps, "events": self._notes.last_seq},
            error_details=trace.error_details,
            truncated=trace.truncated,
        )
        return RecordedTrace(
            trace=trace,
            spans=(root, *self._spans),
            payloads=(payload, *self._payloads),
            thoughts=tuple(self._thoughts),
        )

    def _trace(self) -> TraceRow:
        run, notes = self._run, self._notes
        input_, input_size = capped({"query": notes.query, "inputs": notes.inputs})
        output, output_size = capped(self._output())
        usage = notes.usage or sum((step_usage for step_usage in self._usages()), Usage())
        return TraceRow(
            id=run.run_id,
            team_id=run.team_id,
            application_id=run.application_id,
            application_name=short(run.application_name),
            application_slug=short(run.application_slug, 80),
            version_number=run.version_number,
            run_id=run.run_id,
            external_id=self._caller.trace_id,
            external_parent=self._caller.span_id,
            conversation_id=run.conversation_id,
            session=self._session(),
            message_id=run.message_id,
            source=run.source,
            end_user=short(run.end_user),
            name=short(run.application_name),
            status=notes.status or "incomplete",
            started_at=time_of(self._zero_us),
            duration_us=notes.elapsed_us or max(0, notes.last_us - self._zero_us),
            first_text_us=notes.first_text_us,
            input_preview=preview(notes.query or run.query or notes.inputs),
            output_preview=preview(notes.answer.joined()) or preview(notes.outputs),
            input=input_,
            output=output,
            **token_columns(usage),
            total_tokens=usage.total_tokens,
            **error_columns(notes.error),
            error_details=error_details(notes.error),
            span_count=len(self._spans) + 1,
            error_count=sum(span.status == "error" for span in self._spans),
            models_used=list(dict.fromkeys(thought.model for thought in self._thoughts if thought.model)),
            tags=self._tags,
            truncated=cut_sizes(input=input_size, output=output_size or self._cut_answer_size()),
            updated_at=time_of(max(self._zero_us, notes.last_us)),
        )

    def _output(self) -> dict[str, Any]:
        notes = self._notes
        output: dict[str, Any] = {"answer": notes.answer.joined(), "outputs": notes.outputs}
        if notes.replaced:
            output["replaced"] = notes.replaced
        return output

    def _cut_answer_size(self) -> int | None:
        return self._notes.answer.length if self._notes.answer.was_cut else None

    def _usages(self) -> list[Usage]:
        return [
            Usage(
                input_tokens=span.input_tokens,
                output_tokens=span.output_tokens,
                cached_input_tokens=span.cached_tokens,
                cache_write_tokens=span.cache_write_tokens,
                reasoning_tokens=span.reasoning_tokens,
            )
            for span in self._spans
        ]

    def _root(self, trace: TraceRow) -> RecordedSpan:
        return RecordedSpan(
            id=self._root_id,
            **self._owner(),
            key=self._root_key,
            name=trace.name,
            kind=RUN,
            position=0,
            started_at=trace.started_at,
            offset_us=0,
            duration_us=trace.duration_us,
            first_text_us=trace.first_text_us,
            status=_SPAN_STATUS.get(trace.status, "stopped"),
            error_code=trace.error_code,
            error_message=trace.error_message,
            input_preview=trace.input_preview,
            output_preview=trace.output_preview,
            **token_columns(self._notes.usage or sum(self._usages(), Usage())),
        )

    def _owner(self) -> dict[str, Any]:
        run = self._run
        return {
            "trace_id": run.run_id,
            "team_id": run.team_id,
            "application_id": run.application_id,
            "application_name": short(run.application_name),
            "conversation_id": run.conversation_id,
            "session": self._session(),
            "end_user": short(run.end_user),
            "tags": self._tags,
        }

    def _session(self) -> str:
        return str(self._run.conversation_id or "")

    def _id(self, position: int, *, of: str = "span", at_us: int | None = None) -> UUID:
        return stable_id(self._run.run_id, of=of, position=position, at_us=self._zero_us if at_us is None else at_us)
