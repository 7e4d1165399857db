"""How the row of a trace from elsewhere grows with each batch of its spans. Pure: old row and spans in, new row out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.traces.models import Span, Trace
from apps.traces.recorder.caps import capped, capped_text, preview
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.foreign_rows import ForeignRows, Setting, micros, tags_of
from apps.traces.recorder.record import RecordedSpan, TraceRow
from apps.traces.recorder.shapes import cut_sizes, short, time_of

_MICROSECOND = dt.timedelta(microseconds=1)
_MOST_MODELS, _MOST_TAGS = 50, 50
#: What the column holds.
_DEAREST = Decimal(10**10 - 1)
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What a batch brings of one trace; `counted` are spans that were not there before, ended or not."""

    given: Sequence[ForeignSpan]
    rows: Sequence[ForeignRows]
    counted: int


def setting_of(given: Sequence[ForeignSpan], old: Trace | None, *, trace_id: UUID, team_id: UUID) -> Setting:
    """What the spans of a batch are told about their trace: what it knows already, else what one of them says."""
    first = _root_of(given) or min(given, key=lambda span: span.started_ns)
    spans = [first, *given]
    started_at = min(time_of(micros(span.started_ns)) for span in given)

    def known(name: str, length: int = 200) -> str:
        had = getattr(old, name) if old is not None else ""
        return had or short(next((text for span in spans if (text := getattr(span, name))), ""), length)

    own = [span.application_id for span in spans if span.application_id is not None]
    return Setting(
        trace_id=trace_id,
        team_id=team_id,
        started_at=min(started_at, old.started_at) if old is not None else started_at,
        application_id=old.application_id if old is not None and old.application_id else next(iter(own), None),
        application_name=_name_of_app(spans, old),
        session=known("session"),
        end_user=known("end_user"),
        environment=known("environment", 100),
        release=known("release", 100),
        tags=list(dict.fromkeys([*(old.tags if old else ()), *(tag for span in spans for tag in tags_of(span.tags))]))[
            :_MOST_TAGS
        ],
    )


def grown(old: Trace | None, new: New, setting: Setting, *, external_id: str) -> TraceRow:
    """The row with the batch in it."""
    spans = [row.span for row in new.rows]
    end = max(
        [span.started_at + (span.duration_us or 0) * _MICROSECOND for span in spans if span.started_at is not None]
        + ([old.started_at + old.duration_us * _MICROSECOND] if old is not None else [])
    )
    ended = [span for span in spans if span.duration_us is not None]
    errors = sum(span.status == "error" and bool(span.parent_key) for span in ended)
    error_count = errors + (old.error_count if old is not None else 0)
    tokens = {name: sum(getattr(span, name) for span in ended) + getattr(old, name, 0) for name in _TOKENS}
    return TraceRow(
        id=setting.trace_id,
        team_id=setting.team_id,
        application_id=setting.application_id,
        application_name=setting.application_name,
        external_id=external_id,
        session=setting.session,
        source=Trace.Source.OTLP,
        end_user=setting.end_user,
        environment=setting.environment,
        release=setting.release,
        started_at=setting.started_at,
        duration_us=(end - setting.started_at) // _MICROSECOND,
        first_text_us=_first_text(old, spans, setting),
        **tokens,
        total_tokens=tokens["input_tokens"] + tokens["output_tokens"],
        **_money(old, ended),
        models_used=_models(old, ended),
        span_count=new.counted + (old.span_count if old is not None else 0),
        error_count=error_count,
        tags=setting.tags,
        updated_at=dt.datetime.now(dt.UTC),
        **_face(old, new, error_count=error_count),
    )


def joined(old: Trace, spans: Sequence[Span | RecordedSpan], *, counted: int) -> dict[str, Any]:
    """What changes of the trace of a run of ours when programs that it asked tell of their part; its face stays."""
    ended = [span for span in spans if span.duration_us is not None]
    tokens = {name: sum(getattr(span, name) for span in ended) + getattr(old, name) for name in _TOKENS}
    return {
        **tokens,
        "total_tokens": tokens["input_tokens"] + tokens["output_tokens"],
        **_money(old, ended),
        "models_used": _models(old, ended),
        "span_count": counted + old.span_count,
        "error_count": sum(span.status == "error" for span in ended) + old.error_count,
        "updated_at": dt.datetime.now(dt.UTC),
    }


def calls_of(rows: Iterable[ForeignRows]) -> list[RecordedSpan]:
    """The spans that are counted as calls of a model."""
    return [row.span for row in rows if row.span.duration_us is not None and is_call(row.span)]


def is_call(span: RecordedSpan | Span) -> bool:
    """Whether the span is counted as a call of a model."""
    return bool(span.model) and (span.kind == "llm" or bool(span.input_tokens or span.output_tokens))


def _root_of(given: Sequence[ForeignSpan]) -> ForeignSpan | None:
    roots = [span for span in given if not span.parent_key]
    return min(roots, key=lambda span: span.started_ns) if roots else None


def _name_of_app(spans: Sequence[ForeignSpan], old: Trace | None) -> str:
    if old is not None and old.application_name:
        return old.application_name
    return short(next((span.service for span in spans if span.service), ""))


def _face(old: Trace | None, new: New, *, error_count: int) -> dict[str, Any]:
    """What a list shows: of the root if it is known, of the first span that came until then."""
    rows = {id(given): row for given, row in zip(new.given, new.rows, strict=True)}
    root = _root_of(new.given)
    if old is not None and (root is None or (old.root_key and root.key != old.root_key)):
        kept = ("root_key", "name", "input_preview", "output_preview", "input", "output", "truncated")
        face = {name: getattr(old, name) for name in kept}
        face |= {name: getattr(old, name) for name in ("error_code", "error_message", "error_details")}
        return {**face, "status": _kept_status(old, error_count)}
    shown = root or min(new.given, key=lambda span: span.started_ns)
    row = rows[id(shown)]
    input_, input_size = capped({"query": "", "inputs": row.payload.inputs})
    output, output_size = capped({"answer": row.payload.text, "outputs": row.payload.outputs})
    return {
        "root_key": root.key if root is not None else "",
        "name": short(next((span.trace_name for span in [shown, *new.given] if span.trace_name), "")) or row.span.name,
        "input_preview": _asked(row),
        "output_preview": row.span.output_preview or preview(row.payload.outputs),
        "input": input_,
        "output": output,
        "truncated": cut_sizes(input=input_size, output=output_size),
        "error_code": row.span.error_code,
        "error_message": capped_text(row.span.error_message)[0],
        "error_details": {},
        "status": _status(row.span if root is not None else None, error_count),
    }


def _asked(row: ForeignRows) -> str:
    """What the trace is known by: what somebody said, or all of the input; nothing of a call that was given no words.

    Decorated functions tell their arguments as `{"args": [...], "kwargs": {...}}`: without words in them, the trace is
    better known by its name.
    """
    inputs = row.payload.inputs
    if not isinstance(inputs, Mapping) or not inputs.keys() or not inputs.keys() <= {"args", "kwargs"}:
        return row.span.input_preview or preview(inputs)
    args, named = inputs.get("args"), inputs.get("kwargs")
    given = [*(args if isinstance(args, list) else ()), *(named.values() if isinstance(named, Mapping) else ())]
    return preview(next((words for each in given if (words := _words_in(each))), ""))


def _words_in(value: Any) -> str:
    """A text, or the last thing that the user said in a list of messages."""
    if isinstance(value, str):
        return value.strip()
    messages = [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
    said = [each.get("content") for each in messages if each.get("role") == "user"]
    return next((text.strip() for text in reversed(said) if isinstance(text, str) and text.strip()), "")


def _status(root: RecordedSpan | None, error_count: int) -> str:
    if root is not None and root.status == "error":
        return "failed"
    if root is not None and root.status == "stopped":
        return "incomplete"
    return "partial-succeeded" if error_count else "succeeded"


def _kept_status(old: Trace, error_count: int) -> str:
    if old.status == "succeeded" and error_count:
        return "partial-succeeded"
    return old.status


def _first_text(old: Trace | None, spans: Sequence[RecordedSpan], setting: Setting) -> int | None:
    """The first piece of text in any of its spans, since its start."""
    moments = [
        span.started_at + span.first_text_us * _MICROSECOND
        for span in spans
        if span.first_text_us is not None and span.started_at is not None
    ]
    if old is not None and old.first_text_us is not None:
        moments.append(old.started_at + old.first_text_us * _MICROSECOND)
    return max(0, (min(moments) - setting.started_at) // _MICROSECOND) if moments else None


def _money(old: Trace | None, ended: Sequence[Span | RecordedSpan]) -> dict[str, Any]:
    """The sum of what calls cost. Amounts in another currency than the first are left out, as are unknown ones."""
    currency = (old.currency if old is not None else "") or next((span.currency for span in ended if span.currency), "")
    costs = [Decimal(span.cost) for span in ended if span.cost is not None and span.currency == currency]
    unpriced = sum((span.cost is None or span.currency != currency) and is_call(span) for span in ended)
    if old is not None and old.cost is not None:
        costs.append(old.cost)
    return {
        "cost": f"{min(sum(costs, Decimal(0)), _DEAREST):f}" if costs else None,
        "currency": currency,
        "unpriced_calls": unpriced + (old.unpriced_calls if old is not None else 0),
    }


def _models(old: Trace | None, ended: Sequence[Span | RecordedSpan]) -> list[str]:
    names = [*(old.models_used if old is not None else ()), *(span.model for span in ended if span.model)]
    return list(dict.fromkeys(names))[:_MOST_MODELS]
