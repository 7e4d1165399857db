"""The right side of the trace page: one span with its tabs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.examples import ShownExamples, shown_examples
from apps.traces.admin.pages.raw import span_as_json
from apps.traces.admin.pages.values import Value, values_put_out, values_taken_in
from apps.traces.models import AgentThought, Span, SpanPayload
from apps.traces.recorder import reading

_PRINTED: dict[str, str | Promise] = {
    "traceback": _("Traceback"),
    "stdout": _("Printed"),
    "stderr": _("Printed to stderr"),
}
#: Outputs that are a text of the step, shown as one.
_SAID = frozenset({"text", "answer"})
#: What has a tab of its own.
_SHOWN_ELSEWHERE = frozenset(
    {"messages", "prompt", "parameters", "model_parameters", "hits", "examples", "examples_budget", *reading.PRINTED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab of the detail pane."""

    name: str
    label: str | Promise
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A retrieved passage as a card."""

    number: int
    title: str
    page: int | None
    text: str
    score: float | None
    #: Each leg's score and its share of the best one of that leg, in per cent.
    legs: Sequence[tuple[str, float, str]]
    heading: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Printed:
    """A text that code left behind."""

    name: str
    label: str | Promise
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Tokens of one kind and what they cost; `is_part` of those in the row above."""

    label: str | Promise
    tokens: int
    cost: str | None = None
    is_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that happened within the span."""

    name: str
    after: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything the pane shows of one span."""

    span: Span
    payload: SpanPayload | None
    thoughts: Sequence[AgentThought]
    tabs: Sequence[Tab]
    active: str
    kind: str
    error_facts: Mapping[str, Any]
    input: Any
    input_values: Sequence[Value]
    #: The output as text, where it is one: a model's answer, an answer node's text.
    output_text: str
    output_values: Sequence[Value]
    messages: Sequence[Mapping[str, str]]
    passages: Sequence[Passage]
    examples: ShownExamples
    printed: Sequence[Printed]
    spent: Sequence[Spent]
    events: Sequence[Noted]
    attributes: Mapping[str, Any]
    linked: Sequence[Mapping[str, Any]]
    #: Where the run can be run again from this step; empty where it cannot.
    again: str
    parameters: Mapping[str, Any]
    process: Mapping[str, Any]
    raw: str
    duration: str
    first_text: str
    offset: str
    tokens_per_second: float | None


def detail_of(
    span: Span,
    *,
    payload: SpanPayload | None,
    thoughts: Sequence[AgentThought],
    wanted: str = "",
    again: str = "",
) -> Detail:
    """The pane of a span; `wanted` is the tab that was open before, `again` where the run can be run again."""
    inputs = _mapping(payload.inputs if payload else {})
    outputs = _mapping(payload.outputs if payload else {})
    process = _mapping(payload.process if payload else {})
    output_text = _text_of(span, payload, outputs)
    messages = reading.messages_of(process)
    passages = _passages(reading.passages_of(process, outputs)) if span.kind == Span.Kind.RETRIEVAL else []
    printed = [
        Printed(name=name, label=_PRINTED[name], text=text) for name, text in reading.printed_by(process).items()
    ]
    parameters = reading.parameters_of(process)
    examples = shown_examples(process)
    events = [_noted(each) for each in _items(payload.events if payload else [])]
    linked = _items(payload.links if payload else [])
    attributes = _mapping(payload.attributes if payload else {})
    counts = {
        "messages": len(messages) + bool(output_text) if messages else 0,
        "passages": len(passages),
        "examples": examples.count,
        "thoughts": len(thoughts),
        "events": len(events),
        "attributes": len(attributes),
        "links": len(linked),
    }
    present = {
        "printed": bool(printed),
        "tokens": bool(span.total_tokens),
        "parameters": bool(parameters or (process and span.kind != Span.Kind.RUN)),
    }
    tabs = _tabs(counts, present)
    return Detail(
        span=span,
        payload=payload,
        thoughts=thoughts,
        tabs=tabs if payload else [],
        active=_active(
            [tab.name for tab in tabs],
            wanted,
            has_output=bool(output_text or outputs),
            has_traceback=any(one.name == "traceback" for one in printed),
        ),
        kind=span.node_type or span.kind,
        error_facts=_error_facts(span, payload),
        input=inputs,
        input_values=values_taken_in(span, inputs),
        output_text=output_text,
        output_values=values_put_out(span, _besides(outputs, _SAID) if output_text else outputs),
        messages=messages,
        passages=passages,
        examples=examples,
        printed=printed,
        spent=_spent(span, _mapping(payload.costs if payload else {})),
        events=events,
        attributes=attributes,
        linked=linked,
        again=_again(span, again),
        parameters=parameters,
        process={
            name: value for name, value in _besides(process, _SHOWN_ELSEWHERE).items() if value not in (None, [], {})
        },
        raw=json.dumps(span_as_json(span, payload), ensure_ascii=False, indent=2) if payload else "",
        duration=duration(span.duration_us),
        first_text=duration(span.first_text_us),
        offset=duration(span.offset_us),
        tokens_per_second=_speed(span),
    )


def _tabs(counts: Mapping[str, int], present: Mapping[str, bool]) -> list[Tab]:
    """The tabs that have something to show, in their order; input, output and raw always."""
    labels = {
        "input": _("Input"),
        "output": _("Output"),
        "messages": _("Messages"),
        "passages": _("Passages"),
        "examples": _("Examples"),
        "printed": _("Printed"),
        "thoughts": _("Thoughts"),
        "tokens": _("Tokens and cost"),
        "events": _("Events"),
        "parameters": _("Parameters"),
        "attributes": _("Attributes"),
        "links": _("Links"),
        "raw": _("Raw"),
    }
    return [
        Tab(name=name, label=label, count=counts.get(name))
        for name, label in labels.items()
        if counts.get(name, present.get(name, True))
    ]


def _besides(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _active(names: Sequence[str], wanted: str, *, has_output: bool, has_traceback: bool) -> str:
    """The tab that was open before, else the one that says most about this kind of step."""
    if wanted in names:
        return wanted
    if has_traceback:
        return "printed"
    telling = next((name for name in ("messages", "passages") if name in names), "")
    return telling or ("output" if has_output else "input")


def _error_facts(span: Span, payload: SpanPayload | None) -> dict[str, Any]:
    """What came with the error, without what the page says anyway."""
    facts = _mapping(payload.error_details if payload else {})
    return {name: value for name, value in facts.items() if (name, value) != ("node_id", span.node_id)}


def _text_of(span: Span, payload: SpanPayload | None, outputs: Mapping[str, Any]) -> str:
    for name in ("answer", "text"):
        found = outputs.get(name)
        if isinstance(found, str) and found:
            return found
    return payload.text if payload else ""


def _passages(found: Sequence[Mapping[str, Any]]) -> list[Passage]:
    best: dict[str, float] = {}
    for body in found:
        for leg, score in _scores(body).items():
            best[leg] = max(best.get(leg, 0.0), score)
    return [_passage(number, body, best) for number, body in enumerate(found, start=1)]


def _passage(number: int, body: Mapping[str, Any], best: Mapping[str, float]) -> Passage:
    score, page = body.get("score"), body.get("page")
    heading = body.get("heading_path")
    return Passage(
        number=number,
        title=str(body.get("document_name") or body.get("title") or body.get("chunk_id") or ""),
        page=page if isinstance(page, int) else None,
        text=str(body.get("text") or body.get("content") or ""),
        score=float(score) if isinstance(score, int | float) else None,
        legs=[
            (leg, value, f"{100 * value / best[leg]:.1f}%" if best.get(leg) else "0%")
            for leg, value in _scores(body).items()
        ],
        heading=" › ".join(map(str, heading)) if isinstance(heading, list) else "",
        dataset=str(body.get("dataset_name") or ""),
    )


def _scores(body: Mapping[str, Any]) -> dict[str, float]:
    return {
        str(leg): float(score) for leg, score in _mapping(body.get("scores")).items() if isinstance(score, int | float)
    }


def _speed(span: Span) -> float | None:
    """Output tokens in a second of writing, the wait for the first one left out."""
    if not span.output_tokens or span.duration_us is None:
        return None
    writing = span.duration_us - (span.first_text_us or 0)
    return span.output_tokens * 1_000_000 / writing if writing > 0 else None


def _spent(span: Span, costs: Mapping[str, Any]) -> list[Spent]:
    """The kinds of tokens, those within others below them."""
    rows = [
        Spent(label=_("Input"), tokens=span.input_tokens, cost=costs.get("input")),
        Spent(label=_("read from a cache"), tokens=span.cached_tokens, cost=costs.get("cache_read"), is_part=True),
        Spent(
            label=_("written to a cache"), tokens=span.cache_write_tokens, cost=costs.get("cache_write"), is_part=True
        ),
        Spent(label=_("Output"), tokens=span.output_tokens, cost=costs.get("output")),
        Spent(label=_("reasoning"), tokens=span.reasoning_tokens, cost=costs.get("reasoning"), is_part=True),
    ]
    return [row for row in rows if row.tokens or not row.is_part]


def _noted(body: Mapping[str, Any]) -> Noted:
    at = body.get("at_us")
    return Noted(
        name=str(body.get("name") or ""),
        after=duration(at) if isinstance(at, int) else "",
        facts=_mapping(body.get("attributes")),
    )


def _again(span: Span, address: str) -> str:
    """The address of the form that runs the run again from this step."""
    if not address or not span.node_id or span.index is None:
        return ""
    return f"{address}?{urlencode({'node_id': span.node_id, 'index': span.index})}"


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {} if value is None else {"value": value}
