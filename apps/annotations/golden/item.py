"""What an item of a golden set holds, what it may hold, and when two ask the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

MAX_QUESTION = 20_000
#: Of inputs, of the expected answer and of notes, as JSON.
MAX_JSON = 100_000
#: Of values within values.
MAX_LEVELS = 64
MAX_TAGS = 20
MAX_TAG = 60

Fault = Literal["nothing_asked", "too_long", "not_an_object", "bad_tags", "not_json", "not_text", "too_many_cells"]


class BadItem(Exception):
    """An item that cannot be stored: which part of it, and why."""

    def __init__(self, part: str, fault: Fault) -> None:
        super().__init__(f"{part}: {fault}")
        self.part, self.fault = part, fault


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """An item as somebody wants it, with the way back to what it was made from."""

    #: What a person asks; empty for apps that take inputs only.
    question: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    #: A text or any JSON value; None: nothing in particular is expected.
    expected: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    source_message_id: UUID | None = None
    source_trace_id: UUID | None = None
    correction_id: UUID | None = None

    @property
    def key(self) -> str:
        """What items that ask the same share."""
        return item_key(self.question, self.inputs)

    def content(self) -> dict[str, Any]:
        """The fields that make one state of an item differ from another."""
        return {
            "question": self.question,
            "inputs": dict(self.inputs),
            "expected": self.expected,
            "metadata": dict(self.metadata),
            "tags": list(self.tags),
        }


def item_key(question: str, inputs: Mapping[str, Any]) -> str:
    """A digest of what is asked, the order of the inputs apart."""
    asked = json.dumps([question.strip(), inputs], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()


def checked(item: NewItem) -> NewItem:
    """The item as it is stored. Raises BadItem."""
    question = clean_text(item.question).strip()
    if len(question) > MAX_QUESTION:
        raise BadItem("question", "too_long")
    inputs, metadata = _object("inputs", item.inputs), _object("metadata", item.metadata)
    if not question and not inputs:
        raise BadItem("question", "nothing_asked")
    expected = _json("expected", item.expected)
    if expected is None or (isinstance(expected, str) and not expected.strip()):
        expected = None
    return NewItem(
        question=question,
        inputs=inputs,
        expected=expected.strip() if isinstance(expected, str) else expected,
        metadata=metadata,
        tags=clean_tags(item.tags),
        source_message_id=item.source_message_id,
        source_trace_id=item.source_trace_id,
        correction_id=item.correction_id,
    )


def clean_tags(tags: Iterable[Any]) -> tuple[str, ...]:
    """Tags without repeats and white space. Raises BadItem."""
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise BadItem("tags", "bad_tags")
    found = tuple(dict.fromkeys(" ".join(clean_text(tag).split()) for tag in tags if tag.strip()))
    if len(found) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in found):
        raise BadItem("tags", "bad_tags")
    return found


def clean_text(text: str) -> str:
    """The text without what no database takes, with plain line ends."""
    return text.replace("\x00", "").replace("\r\n", "\n").encode("utf-8", "replace").decode()


def _object(part: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise BadItem(part, "not_an_object")
    found: dict[str, Any] = _json(part, dict(value))
    return found


def _json(part: str, value: Any) -> Any:
    """The value as JSON gives it back. Infinite numbers are no JSON, and no database takes a null character."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise BadItem(part, "not_json") from exc
    if len(text) > MAX_JSON:
        raise BadItem(part, "too_long")
    return _clean(part, json.loads(text), levels=MAX_LEVELS)


def _clean(part: str, value: Any, *, levels: int) -> Any:
    """The value with clean texts. Whoever shows or compares it goes down level by level: there is an end to them."""
    match value:
        case str():
            return clean_text(value)
        case dict() | list() if levels <= 0:
            raise BadItem(part, "too_long")
        case dict():
            return {clean_text(name): _clean(part, inner, levels=levels - 1) for name, inner in value.items()}
        case list():
            return [_clean(part, inner, levels=levels - 1) for inner in value]
        case _:
            return value
