"""Items made from what was recorded: a turn of a conversation, or a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.annotations.golden.item import NewItem
from apps.annotations.models import Correction
from apps.annotations.selectors.corrections import approved_correction


def item_of_turn(turn: Any, *, tags: Sequence[str] = ()) -> NewItem:
    """What was asked in a turn; a correction in force says what is expected, otherwise what was answered."""
    correction = approved_correction(turn.id)
    return NewItem(
        question=correction.question if correction else turn.query,
        inputs=turn.inputs or {},
        expected=correction.corrected if correction else turn.answer,
        tags=tuple(tags),
        source_message_id=turn.id,
        source_trace_id=turn.run_id,
    )


def item_as_answered(turn: Any) -> NewItem:
    """What was asked in a turn, with what was answered as the expected answer."""
    return NewItem(
        question=turn.query,
        inputs=turn.inputs or {},
        expected=turn.answer,
        source_message_id=turn.id,
        source_trace_id=turn.run_id,
    )


def item_of_correction(correction: Correction) -> NewItem:
    """What was asked, with the better answer; it goes from its sets when the approval is withdrawn."""
    message: Any = correction.message
    return NewItem(
        question=correction.question,
        inputs=dict(message.inputs or {}) if message else {},
        expected=correction.corrected,
        source_message_id=correction.message_id,
        source_trace_id=correction.trace_id,
        correction_id=correction.id,
    )


def item_of_trace(trace: Any, *, tags: Sequence[str] = ()) -> NewItem:
    """What a run was given, and what came out of it: an answer, or the values of a workflow."""
    asked, said = trace.input or {}, trace.output or {}
    question = asked.get("query")
    answer = said.get("answer")
    outputs = said.get("outputs")
    return NewItem(
        question=question if isinstance(question, str) else "",
        inputs=_object(asked.get("inputs")),
        expected=answer if isinstance(answer, str) and answer else (outputs or said or None),
        tags=tuple(tags),
        source_message_id=as_id(trace.message_id),
        source_trace_id=trace.id,
    )


def as_id(value: Any) -> UUID | None:
    """The id, where there is one."""
    return value if isinstance(value, UUID) else None


def _object(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
