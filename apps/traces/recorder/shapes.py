"""Small conversions from what events say to what columns hold."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any
from uuid import UUID

from apps.traces.recorder.caps import capped, capped_text
from apps.workflows.engine.events import ErrorInfo, Usage

NAME_LENGTH = 200
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def time_of(microseconds: int) -> dt.datetime:
    """Unix microseconds as a UTC time, nothing lost."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)


def short(text: str, length: int = NAME_LENGTH) -> str:
    """A text that fits its column."""
    clean = capped_text(text)[0]
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def stable_id(run_id: UUID, *, of: str, position: int, at_us: int) -> UUID:
    """A UUIDv7 whose random part follows from the run and the place: a rebuilt trace keeps its links."""
    digest = hashlib.sha256(f"{run_id}/{of}/{position}".encode()).digest()
    random = int.from_bytes(digest[:10], "big") & ((1 << 74) - 1)
    head = (at_us // 1000) << 80 | 0x7 << 76 | (random >> 62) << 64
    return UUID(int=head | 0b10 << 62 | random & ((1 << 62) - 1))


def key_of(span_id: UUID) -> str:
    """The id of a span of ours as OpenTelemetry has it."""
    return span_id.hex[16:]


def error_columns(error: ErrorInfo | None) -> dict[str, Any]:
    """Code and message of an error, empty without one."""
    if error is None:
        return {"error_code": "", "error_message": ""}
    return {"error_code": short(error.code, 100), "error_message": capped_text(error.message)[0]}


def error_details(error: ErrorInfo | None) -> Any:
    """The facts that came with an error, and the node where it happened."""
    if error is None:
        return {}
    details = dict(error.details)
    if error.node_id:
        details["node_id"] = error.node_id
    return capped(details)[0]


def token_columns(usage: Usage) -> dict[str, Any]:
    """The token counts; the cached and reasoning ones are parts of input and output."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def cut_sizes(**sizes: int | None) -> dict[str, int]:
    """Name and former size of what was cut."""
    return {name: size for name, size in sizes.items() if size is not None}
