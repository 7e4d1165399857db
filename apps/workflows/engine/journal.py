"""The stored form of a run's events: one row per event, neighbouring pieces of text folded into one row.

A row is `(seq, last_seq, kind, payload)`. Rows of text keep their pieces apart, so a follower can be sent on from
the middle of one. `decode(encode(events))` gives the events back exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from apps.workflows.engine.events import AnswerText, Event, NodeText, from_dict, to_dict

Numbered = tuple[int, Event]
#: An event with the JSON values that stand for it.
Written = tuple[int, Event, Mapping[str, Any]]
_TEXT_KINDS = (NodeText, AnswerText)
#: No person reads JSON that is nested deeper, and no parser should have to.
MAX_DEPTH = 100
#: In JSON: what PostgreSQL refuses, and what may be an integer beyond 64 bits.
_DOUBTFUL = re.compile(rb"\\u0000|\d{19}")
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class Row(NamedTuple):
    """What the log stores; `payload` holds JSON values."""

    seq: int
    last_seq: int
    kind: str
    payload: dict[str, Any]


def stream_key(run_id: object) -> str:
    """The Redis stream that carries a running run's events; entry ids are `<seq>-0`."""
    return f"skep:run:{run_id}"


def body_of(event: Event) -> dict[str, Any]:
    """The event as values that the log and its followers can hold."""
    body = to_dict(event)
    try:
        written = orjson.dumps(body, option=_PLAIN)
    except TypeError:
        is_plain = False
    else:
        # So few brackets cannot be nested too deeply.
        is_plain = written.count(b"{") + written.count(b"[") <= MAX_DEPTH and not _DOUBTFUL.search(written)
    stored: dict[str, Any] = body if is_plain else storable(body)
    return stored


def encode(events: Iterable[Numbered]) -> list[Row]:
    """Rows for consecutive events."""
    return rows_of((seq, event, body_of(event)) for seq, event in events)


def rows_of(events: Iterable[Written]) -> list[Row]:
    """Rows for consecutive events. Pieces of text of one node that follow each other share a row."""
    rows: list[Row] = []
    for seq, event, written in events:
        body = dict(written)
        if not isinstance(event, _TEXT_KINDS):
            rows.append(Row(seq, seq, event.kind, body))
            continue
        piece = [body.pop("at"), body.pop("text")]
        previous = rows[-1] if rows else None
        if previous and previous.last_seq == seq - 1 and _same_source(previous.payload, body):
            previous.payload["pieces"].append(piece)
            rows[-1] = previous._replace(last_seq=seq)
        else:
            rows.append(Row(seq, seq, event.kind, {**body, "pieces": [piece]}))
    return rows


def decode(rows: Iterable[tuple[int, int, str, Mapping[str, Any]]], *, after: int = 0) -> Iterator[Numbered]:
    """The events of rows in order, without those up to and including `after`."""
    for seq, last_seq, _kind, payload in rows:
        if last_seq <= after:
            continue
        if "pieces" not in payload:
            yield seq, from_dict(payload)
            continue
        shared = {name: value for name, value in payload.items() if name != "pieces"}
        for number, (at, text) in enumerate(payload["pieces"], start=seq):
            if number > after:
                yield number, from_dict({**shared, "at": at, "text": text})


def storable(value: Any, *, depth: int = MAX_DEPTH) -> Any:
    """The value with what PostgreSQL's JSONB and JSON readers cannot hold replaced.

    NUL and lone surrogates become U+FFFD; floats that are no number (NaN, infinities) None, as JSON has no word for
    them; integers beyond 64 bits, things that are no JSON value and levels below `depth` become text.
    """
    match value:
        case str():
            if value.isascii():
                return value.replace("\x00", "\ufffd") if "\x00" in value else value
            return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case None | bool():
            return value
        case float():
            return value if math.isfinite(value) else None
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case dict() | list() | tuple() if depth <= 0:
            return "…"
        case dict():
            return {storable(str(key)): storable(inner, depth=depth - 1) for key, inner in value.items()}
        case list() | tuple():
            return [storable(inner, depth=depth - 1) for inner in value]
        case Mapping():
            return storable(dict(value), depth=depth)
        case _:
            return storable(str(value))


def _same_source(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (
        "pieces" in one
        and one["kind"] == other["kind"]
        and one["node_id"] == other["node_id"]
        and one.get("frame") == other.get("frame")
        and one.get("source_id") == other.get("source_id")
    )
