"""The right side of the trace page: one span with its tabs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.examples import ShownExamples, shown_examples
from apps.traces.admin.pages.passages import Passage, passages_as_cards
from apps.traces.admin.pages.raw import span_as_json
from apps.traces.admin.pages.spent import Spent, spent_of, tokens_per_second
from apps.traces.admin.pages.tabs import Tab, active_of, tabs_of
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


@dataclass(frozen=True, slots=True)
class Printed:
    """A text that code left behind."""

    name: str
    label: str | Promise
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that happened within the span."""

    name: str
    after: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Everything the pane shows of one span, each part made when it is first asked for."""

    span: Span
    payload: SpanPayload | None
    thoughts: Sequence[AgentThought]
    #: The tab that was open before.
    wanted: str = ""
    #: Where the run can be run again; empty where it cannot.
    again_at: str = ""

    # What went in and out

    @cached_property
    def input(self) -> dict[str, Any]:
        """What the step was given."""
        return _mapping(self.payload.inputs if self.payload else {})

    @cached_property
    def input_values(self) -> Sequence[Value]:
        """The same as values by name."""
        return values_taken_in(self.span, self.input)

    @cached_property
    def output(self) -> dict[str, Any]:
        """What the step gave."""
        return _mapping(self.payload.outputs if self.payload else {})

    @cached_property
    def output_text(self) -> str:
        """The output as text, where it is one: a model's answer, an answer node's text."""
        for name in ("answer", "text"):
            found = self.output.get(name)
            if isinstance(found, str) and found:
                return found
        return self.payload.text if self.payload else ""

    @cached_property
    def output_values(self) -> Sequence[Value]:
        """The output as values by name, without what is shown as text."""
        return values_put_out(self.span, _besides(self.output, _SAID) if self.output_text else self.output)

    # How it worked

    @cached_property
    def _process(self) -> dict[str, Any]:
        return _mapping(self.payload.process if self.payload else {})

    @cached_property
    def process(self) -> dict[str, Any]:
        """What is known of its work and has no tab of its own."""
        rest = _besides(self._process, _SHOWN_ELSEWHERE)
        return {name: value for name, value in rest.items() if value not in (None, [], {})}

    @cached_property
    def messages(self) -> Sequence[Mapping[str, str]]:
        """What a model was told."""
        return reading.messages_of(self._process)

    @cached_property
    def passages(self) -> Sequence[Passage]:
        """What a search found."""
        if self.span.kind != Span.Kind.RETRIEVAL:
            return []
        return passages_as_cards(reading.passages_of(self._process, self.output))

    @cached_property
    def examples(self) -> ShownExamples:
        """Approved answers that a model was shown."""
        return shown_examples(self._process)

    @cached_property
    def printed(self) -> Sequence[Printed]:
        """What code left behind."""
        texts = reading.printed_by(self._process)
        return [Printed(name=name, label=_PRINTED[name], text=text) for name, text in texts.items()]

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """How a model was asked."""
        return reading.parameters_of(self._process)

    # What it took

    @cached_property
    def spent(self) -> Sequence[Spent]:
        """Tokens and their cost."""
        return spent_of(self.span, _mapping(self.payload.costs if self.payload else {}))

    @property
    def tokens_per_second(self) -> float | None:
        """How fast a model wrote."""
        return tokens_per_second(self.span)

    @property
    def duration(self) -> str:
        """How long it took."""
        return duration(self.span.duration_us)

    @property
    def first_text(self) -> str:
        """When its first text came."""
        return duration(self.span.first_text_us)

    @property
    def offset(self) -> str:
        """How long after the beginning of the trace it began."""
        return duration(self.span.offset_us)

    # What came with it

    @cached_property
    def events(self) -> Sequence[Noted]:
        """What happened within the span."""
        return [_noted(each) for each in _items(self.payload.events if self.payload else [])]

    @cached_property
    def linked(self) -> Sequence[Mapping[str, Any]]:
        """Spans elsewhere that it names."""
        return _items(self.payload.links if self.payload else [])

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """What its sender said besides."""
        return _mapping(self.payload.attributes if self.payload else {})

    @cached_property
    def error_facts(self) -> Mapping[str, Any]:
        """What came with the error, without what the page says anyway."""
        facts = _mapping(self.payload.error_details if self.payload else {})
        return {name: value for name, value in facts.items() if (name, value) != ("node_id", self.span.node_id)}

    @cached_property
    def raw(self) -> str:
        """All of it as JSON."""
        return json.dumps(span_as_json(self.span, self.payload), ensure_ascii=False, indent=2) if self.payload else ""

    # The pane itself

    @property
    def kind(self) -> str:
        """What its icon is of."""
        return self.span.node_type or self.span.kind

    @property
    def again(self) -> str:
        """The address of the form that runs the run again from this step."""
        if not self.again_at or not self.span.node_id or self.span.index is None:
            return ""
        return f"{self.again_at}?{urlencode({'node_id': self.span.node_id, 'index': self.span.index})}"

    @cached_property
    def tabs(self) -> Sequence[Tab]:
        """The tabs that have something to show; none where nothing is stored."""
        if self.payload is None:
            return []
        counts = {
            "messages": len(self.messages) + bool(self.output_text) if self.messages else 0,
            "passages": len(self.passages),
            "examples": self.examples.count,
            "thoughts": len(self.thoughts),
            "events": len(self.events),
            "attributes": len(self.attributes),
            "links": len(self.linked),
        }
        present = {
            "printed": bool(self.printed),
            "tokens": bool(self.span.total_tokens),
            "parameters": bool(self.parameters or (self._process and self.span.kind != Span.Kind.RUN)),
        }
        return tabs_of(counts, present)

    @property
    def active(self) -> str:
        """The tab that is open."""
        return active_of(
            [tab.name for tab in self.tabs],
            self.wanted,
            has_output=bool(self.output_text or self.output),
            has_traceback=any(one.name == "traceback" for one in self.printed),
        )


def _besides(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _noted(body: Mapping[str, Any]) -> Noted:
    at = body.get("at_us")
    return Noted(
        name=str(body.get("name") or ""),
        after=duration(at) if isinstance(at, int) else "",
        facts=_mapping(body.get("attributes")),
    )


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {} if value is None else {"value": value}
