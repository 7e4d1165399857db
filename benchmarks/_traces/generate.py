"""Makes traces out of a seed: the same ones each time, spread over a month, of a team with apps, models and users."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from uuid import UUID

from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought, RecordedTrace, TraceRow
from apps.traces.recorder.shapes import key_of, stable_id

DAYS = 30
SPANS = 10
APPS = 20
USERS = 2_000
MODELS = ("gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "qwen3-max", "deepseek-chat", "text-embedding-3-small")
KINDS = ("start", "retrieval", "llm", "tool", "llm", "code", "branch", "llm", "answer")
#: One word in so many traces each, for searches that find few.
RARE = 997
TEAM = UUID("01990000-0000-7000-8000-0000000000aa")


def traces(count: int, *, seed: int = 7, until: dt.datetime, spans: int = SPANS) -> Iterator[RecordedTrace]:
    """So many traces of so many spans each, oldest first, ending at a moment."""
    chance = random.Random(seed)
    begin = until - dt.timedelta(days=DAYS)
    for number in range(count):
        at = begin + dt.timedelta(seconds=DAYS * 86_400 * number / count)
        yield trace(number, at=at, chance=chance, spans=spans)


def trace(number: int, *, at: dt.datetime, chance: random.Random, spans: int = SPANS) -> RecordedTrace:
    """One trace: a run of an app, its steps one after the other."""
    at_us = round(at.timestamp() * 1_000_000)
    seed = UUID(int=number)
    trace_id = stable_id(seed, of="trace", position=spans, at_us=at_us)
    app = number % APPS
    owner = {
        "trace_id": trace_id,
        "team_id": TEAM,
        "application_id": UUID(int=(0x7 << 76) + app + 1),
        "application_name": f"App {app}",
        "conversation_id": None,
        "session": f"session-{number // 4}",
        "end_user": f"user-{int(chance.paretovariate(1.1) * 7) % USERS}",
    }
    root_key = key_of(stable_id(trace_id, of="span", position=0, at_us=at_us))
    clock = at_us
    rows, payloads, thoughts = [], [], []
    for position in range(1, spans):
        kind = KINDS[(position - 1) % len(KINDS)]
        took = int(chance.lognormvariate(13 if kind == "llm" else 10.5, 0.8))
        span, payload = _step(owner, root_key, position, kind, clock=clock, took=took, zero=at_us, chance=chance)
        rows.append(span)
        payloads.append(payload)
        if kind == "llm":
            thoughts.append(_thought(span, payload, len(thoughts) + 1))
        clock += took
    failed = any(span.status == "error" for span in rows)
    question = words(chance, 14) + (f" rare{number // RARE}" if number % RARE == 0 else "")
    answer = words(chance, 80)
    row = _trace_row(owner, rows, thoughts, at=at, took=clock - at_us, question=question, answer=answer, failed=failed)
    root = _root(owner, row, root_key, at_us=at_us)
    outer = RecordedPayload(span_id=root.id, inputs=row.input, outputs=row.output)
    return RecordedTrace(trace=row, spans=(root, *rows), payloads=(outer, *payloads), thoughts=tuple(thoughts))


def words(chance: random.Random, count: int) -> str:
    """A text: common words often, most words rarely; one in five is Chinese."""
    if chance.random() < 0.2:
        return "".join(chance.choices(_characters(), k=count * 2))
    return " ".join(chance.choices(_vocabulary()[0], cum_weights=_vocabulary()[1], k=count))


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[Sequence[str], Sequence[float]]:
    chance = random.Random(1)
    syllables = [first + vowel for first in "bcdfghklmnprstvz" for vowel in "aeiou"]
    made = list(dict.fromkeys("".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(30_000)))
    return made, list(accumulate(1 / (place + 10) for place in range(len(made))))


@lru_cache(maxsize=1)
def _characters() -> Sequence[str]:
    return [chr(0x4E00 + place) for place in range(1_500)]


def _step(
    owner: dict, root_key: str, position: int, kind: str, *, clock: int, took: int, zero: int, chance: random.Random
) -> tuple[RecordedSpan, RecordedPayload]:
    span_id = stable_id(owner["trace_id"], of="span", position=position, at_us=clock)
    is_call = kind == "llm"
    failed = chance.random() < 0.004
    said, told = words(chance, 50), words(chance, 70)
    payload = RecordedPayload(
        span_id=span_id,
        inputs={"query": said},
        outputs={"text": told},
        process={
            "model": MODELS[position % 5],
            "messages": [{"role": "system", "text": "You answer from the handbook."}, {"role": "user", "text": said}],
        }
        if is_call
        else {},
    )
    span = RecordedSpan(
        id=span_id,
        **owner,
        key=key_of(span_id),
        parent_key=root_key,
        name=f"{kind} {position}",
        kind=kind,
        node_id=f"node{position}",
        node_type=kind,
        position=position,
        index=position,
        started_at=dt.datetime.fromtimestamp(clock / 1e6, dt.UTC),
        offset_us=clock - zero,
        duration_us=took,
        first_text_us=took // 3 if is_call else None,
        status="error" if failed else "ok",
        error_code="tool_failed" if failed else "",
        error_message="The tool answered with status 500." if failed else "",
        input_preview=said[:200],
        output_preview=told[:200],
        model=MODELS[position % 5] if is_call else "",
        provider="openai" if is_call else "",
        input_tokens=chance.randint(200, 4_000) if is_call else 0,
        output_tokens=chance.randint(10, 900) if is_call else 0,
    )
    return span, payload


def _thought(span: RecordedSpan, payload: RecordedPayload, position: int) -> RecordedThought:
    assert span.started_at is not None
    return RecordedThought(
        id=stable_id(span.trace_id, of="thought", position=position, at_us=round(span.started_at.timestamp() * 1e6)),
        trace_id=span.trace_id,
        span_id=span.id,
        team_id=span.team_id,
        application_id=span.application_id,
        conversation_id=None,
        message_id=None,
        position=position,
        started_at=span.started_at,
        thought=payload.outputs["text"],
        model=span.model,
        provider=span.provider,
        parameters={"temperature": 0.2},
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        latency_us=span.duration_us or 0,
        first_text_us=span.first_text_us,
        error_code=span.error_code,
    )


def _trace_row(
    owner: dict,
    rows: Sequence[RecordedSpan],
    thoughts: Sequence[RecordedThought],
    *,
    at: dt.datetime,
    took: int,
    question: str,
    answer: str,
    failed: bool,
) -> TraceRow:
    tokens = {
        name: sum(getattr(span, name) for span in rows)
        for name in ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
    }
    about = {name: value for name, value in owner.items() if name != "trace_id"}
    return TraceRow(
        id=owner["trace_id"],
        **about,
        run_id=owner["trace_id"],
        source="api",
        name=owner["application_name"],
        status="partial-succeeded" if failed else "succeeded",
        started_at=at,
        duration_us=took,
        first_text_us=took // 2,
        input_preview=question[:200],
        output_preview=answer[:200],
        input={"query": question, "inputs": {}},
        output={"answer": answer, "outputs": {}},
        **tokens,
        total_tokens=tokens["input_tokens"] + tokens["output_tokens"],
        models_used=list(dict.fromkeys(thought.model for thought in thoughts)),
        error_code="",
        error_message="",
        error_details={},
        span_count=len(rows) + 1,
        error_count=sum(span.status == "error" for span in rows),
        tags=[],
        truncated={},
        updated_at=at,
    )


def _root(owner: dict, row: TraceRow, root_key: str, *, at_us: int) -> RecordedSpan:
    return RecordedSpan(
        id=stable_id(row.id, of="span", position=0, at_us=at_us),
        **owner,
        key=root_key,
        name=row.name,
        kind="run",
        position=0,
        started_at=row.started_at,
        offset_us=0,
        duration_us=row.duration_us,
        first_text_us=row.first_text_us,
        status="ok",
        input_preview=row.input_preview,
        output_preview=row.output_preview,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
    )
