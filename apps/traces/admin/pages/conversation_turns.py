"""One turn of a dialogue as its page shows it: what was said, with its sources, thoughts, costs, opinions and links."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.access import first_address
from apps.traces.admin.pages.conversation_said import answered_in, asked_in
from apps.traces.models import Trace
from apps.traces.selectors.dialogues import MOST_THOUGHTS
from apps.workflows.hooks import Opinion
from apps.workflows.selectors.dialogue import SaidTurn

#: A page holds many turns: of a longer text the rest is a click away, in its trace.
LONGEST_TEXT = 8_000
MOST_SOURCES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """One call of a model within a turn."""

    position: int
    text: str
    tool: str
    tool_input: Any
    observation: str
    model: str
    tokens: tuple[int, int]
    latency: str
    error: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and its answer."""

    id: UUID
    number: int
    at: dt.datetime
    who: str
    app: str
    query: str
    query_is_cut: bool
    answer: str
    answer_is_cut: bool
    status: str
    status_label: str
    is_error: bool
    is_running: bool = False
    error: str = ""
    error_code: str = ""
    is_reviewed: bool = False
    sources: Sequence[Mapping[str, Any]] = ()
    thoughts: Sequence[Thought] = ()
    has_more_thoughts: bool = False
    opinions: Sequence[Opinion] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    currency: str = ""
    unpriced_calls: int = 0
    duration: str = ""
    first_text: str = ""
    spans: int = 0
    trace_url: str = ""
    run_url: str = ""
    review_url: str = ""

    @property
    def tone(self) -> str:
        """How the pill looks, where the status itself does not say."""
        return "success" if self.status == "normal" else ""

    @property
    def icon(self) -> str:
        """The sign in the pill, likewise."""
        return "circle-check" if self.status == "normal" else ""

    @property
    def is_disliked(self) -> bool:
        """Whether somebody does not find the answer helpful."""
        return any(each.rating == "dislike" for each in self.opinions)


def turns_of_messages(
    messages: Iterable[SaidTurn],
    *,
    first: int,
    app: str,
    who: str,
    traces: Mapping[UUID, Trace],
    opinions: Iterable[Opinion],
    longest: int = LONGEST_TEXT,
) -> list[Turn]:
    """Turns of a conversation of ours. A message whose trace is not there (yet) is shown without its facts."""
    thought: dict[UUID, list[Opinion]] = {}
    for each in opinions:
        thought.setdefault(each.message_id, []).append(each)
    turns = []
    for number, message in enumerate(messages, first):
        trace = traces.get(message.run_id)
        said = {
            "number": number,
            "who": who,
            "app": app,
            **_cut("query", message.query, longest),
            **_cut("answer", message.answer, longest),
            "opinions": thought.get(message.id, ()),
            **_facts_of_message(message),
            **(_facts(trace) if trace is not None else {}),
        }
        turns.append(_turn_of_message(message, said))
    return turns


def turns_of_traces(traces: Iterable[Trace], *, first: int, longest: int = LONGEST_TEXT) -> list[Turn]:
    """Turns of a session that a program elsewhere told of."""
    return [_turn_of_trace(trace, number, longest) for number, trace in enumerate(traces, first)]


def _turn_of_message(message: SaidTurn, said: Mapping[str, Any]) -> Turn:
    return Turn(
        id=message.id,
        at=message.at,
        status=message.status,
        status_label=message.status_label,
        is_error=message.is_error,
        is_running=message.is_running,
        error=message.error_message,
        error_code=message.error_code,
        is_reviewed=message.is_reviewed,
        sources=message.sources[:MOST_SOURCES],
        **said,
        run_url=first_address(("admin:workflows_run_change",), [message.run_id]),
        review_url=first_address(("admin:annotations_message_review",), [message.id]),
    )


def _facts_of_message(message: SaidTurn) -> dict[str, Any]:
    """What the message knows itself: of a run that goes on, or whose trace is not kept."""
    return {
        "input_tokens": message.input_tokens,
        "output_tokens": message.output_tokens,
        "duration": duration(round(message.latency * 1_000_000)) if message.latency is not None else "",
        "trace_url": _trace_url(message.run_id) if message.is_running else "",
    }


def _turn_of_trace(trace: Trace, number: int, longest: int) -> Turn:
    own = trace.run_id is not None
    return Turn(
        id=trace.id,
        number=number,
        at=trace.started_at,
        who=trace.end_user,
        app=trace.application_name or trace.name,
        **_cut("query", asked_in(trace.input) or trace.input_preview, longest),
        **_cut("answer", answered_in(trace.output) or trace.output_preview, longest),
        status=trace.status,
        status_label=str(trace.get_status_display()),
        is_error=trace.status in (Trace.Status.FAILED, Trace.Status.INCOMPLETE),
        error=trace.error_message,
        error_code=trace.error_code,
        run_url=first_address(("admin:workflows_run_change",), [trace.run_id]) if own else "",
        review_url=first_address(("admin:annotations_message_review",), [trace.message_id]) if trace.message_id else "",
        **_facts(trace),
    )


def _facts(trace: Trace) -> dict[str, Any]:
    told: list[dict[str, Any]] = getattr(trace, "told_thoughts", [])
    return {
        "thoughts": [_thought(trace, each) for each in told[:MOST_THOUGHTS]],
        "has_more_thoughts": len(told) > MOST_THOUGHTS,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "cost": trace.cost,
        "currency": trace.currency,
        "unpriced_calls": trace.unpriced_calls,
        "duration": duration(trace.duration_us),
        "first_text": duration(trace.first_text_us) if trace.first_text_us is not None else "",
        "spans": trace.span_count,
        "trace_url": _trace_url(trace.id),
    }


def _thought(trace: Trace, told: Mapping[str, Any]) -> Thought:
    return Thought(
        position=told["position"],
        text=told["thought"],
        tool=told["tool"],
        tool_input=told["tool_input"],
        observation=told["observation"],
        model=told["model"],
        tokens=(told["input_tokens"], told["output_tokens"]),
        latency=duration(told["latency_us"]),
        error=told["error_code"],
        url=f"{_trace_url(trace.id)}?span={told['span_id']}",
    )


def _cut(name: str, text: str, longest: int) -> dict[str, Any]:
    return {name: text[:longest], f"{name}_is_cut": len(text) > longest}


def _trace_url(trace_id: UUID) -> str:
    return reverse("admin:traces_trace_change", args=[trace_id])
