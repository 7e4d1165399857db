"""The words by which a span is found: of its name, what went in, what came out and what went wrong, capped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from apps.datasets.text.analyze import MAX_TERM_CHARS, term_counts, tsvector_literal
from apps.traces.recorder import reading
from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedTrace

#: So many characters of an input, and of an output, are looked at; and so many of an error.
TEXT_LIMIT = 4_000
ERROR_LIMIT = 1_000
#: Fewer words than this of one span are kept, the first ones.
MOST_WORDS = 1_500
#: Longer pieces without a space, as Chinese has them, do not come again.
_SHORT = 40


def worded(record: RecordedTrace) -> RecordedTrace:
    """The record with the words of its spans; call it when nothing in it changes any more."""
    payloads = {payload.span_id: payload for payload in record.payloads}
    return replace(record, spans=tuple(with_words(span, payloads.get(span.id)) for span in record.spans))


def with_words(span: RecordedSpan, payload: RecordedPayload | None) -> RecordedSpan:
    """The span with its words."""
    return replace(span, search=words_of(span, payload))


def words_of(span: RecordedSpan, payload: RecordedPayload | None) -> str:
    """What the column holds, as its type reads it: words without places (nothing here asks for phrases)."""
    parts = [span.name, span.error_code, span.error_message[:ERROR_LIMIT]]
    if payload is not None:
        parts += [input_text(payload), output_text(payload)]
    else:
        parts += [span.input_preview, span.output_preview]
    text = " \n".join(part for part in parts if part)
    found: dict[str, None] = {}
    for chunk in dict.fromkeys(text.split()):
        found.update(_terms(chunk) if len(chunk) <= _SHORT else dict.fromkeys(term_counts(chunk)))
    terms = [term for term in found if len(term) <= MAX_TERM_CHARS][:MOST_WORDS]
    written = "' '".join(terms)
    if "\\" in written or written.count("'") != 2 * max(0, len(terms) - 1):
        return tsvector_literal(dict.fromkeys(terms, 0))
    return f"'{written}'" if terms else ""


@lru_cache(maxsize=65_536)
def _terms(chunk: str) -> dict[str, None]:
    """The terms of what stands between two spaces: no term reaches over one, and most of it was seen before."""
    return dict.fromkeys(term_counts(chunk))


def input_text(payload: RecordedPayload) -> str:
    """What a person would look for in the input: the last thing said to a model, else all texts of the inputs."""
    process = payload.process if isinstance(payload.process, Mapping) else {}
    messages = reading.messages_of(process)
    return messages[-1]["text"][:TEXT_LIMIT] if messages else _texts(payload.inputs)


def output_text(payload: RecordedPayload) -> str:
    """What a person would look for in the output."""
    return payload.text[:TEXT_LIMIT] or _texts(payload.outputs)


def _texts(value: Any) -> str:
    found: list[str] = []
    room = TEXT_LIMIT
    for text in _leaves(value):
        found.append(text[:room])
        room -= len(text) + 1
        if room <= 0:
            break
    return "\n".join(found)


def _leaves(value: Any) -> Iterator[str]:
    """The texts and numbers of a JSON value in order; without recursion, it may be deep."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(item))
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            yield str(item)
