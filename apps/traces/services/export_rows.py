"""What an export holds of each row, under names that do not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.traces.models import SpanPayload
from apps.traces.models.saved_view import Listed

_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_WHERE = ("session", "end_user", "environment", "release", "tags")
#: Columns of the tables as they are; ids of people, teams and prices stay inside.
_COLUMNS: dict[str, tuple[str, ...]] = {
    Listed.TRACES: (
        *("id", "external_id", "started_at", "duration_us", "first_text_us", "status", "name"),
        *("application_id", "application_name", "version_number", "source", "conversation_id", "message_id"),
        *_WHERE,
        *("input_preview", "output_preview", "models_used", *_TOKENS, "total_tokens"),
        *("cost", "currency", "unpriced_calls", "span_count", "error_count", "error_code", "error_message"),
    ),
    Listed.SPANS: (
        *("id", "trace_id", "key", "parent_key", "started_at", "duration_us", "first_text_us", "status"),
        *("name", "kind", "node_id", "node_type", "application_id", "application_name", "conversation_id"),
        *_WHERE,
        *("model", "provider", "input_preview", "output_preview", *_TOKENS),
        *("cost", "currency", "error_code", "error_message", "error_handled"),
    ),
    Listed.THOUGHTS: (
        *("id", "trace_id", "span_id", "position", "started_at", "latency_us", "first_text_us", "thought"),
        *("tool", "tool_input", "observation", "model", "provider", "parameters", "finish_reason"),
        *("application_id", "conversation_id", "message_id", *_TOKENS, "price", "currency", "error_code"),
    ),
}
_WHOLE: dict[str, tuple[str, ...]] = {
    Listed.TRACES: ("input", "output"),
    Listed.SPANS: ("inputs", "outputs", "text", "attributes"),
    Listed.THOUGHTS: (),
}


def columns_of(table: str, *, with_payloads: bool) -> tuple[str, ...]:
    """The names in a row of an export, in order."""
    return (*_COLUMNS[table], *(_WHOLE[table] if with_payloads else ()))


def stored(columns: Sequence[str], *, table: str) -> list[str]:
    """Those of the columns that stand in the table itself."""
    return [each for each in columns if table != Listed.SPANS or each not in _WHOLE[table]]


def export_rows(rows: Sequence[Any], *, table: str, with_payloads: bool) -> list[Mapping[str, Any]]:
    """The rows as names and values; whole values of spans are fetched for all of them at once."""
    names = columns_of(table, with_payloads=with_payloads)
    if table != Listed.SPANS or not with_payloads:
        return [{name: getattr(row, name) for name in names} for row in rows]
    payloads = {each.span_id: each for each in SpanPayload.objects.filter(span_id__in=[row.id for row in rows])}
    whole = frozenset(_WHOLE[table])
    return [
        {name: getattr(payloads.get(row.id) if name in whole else row, name, None) for name in names} for row in rows
    ]
