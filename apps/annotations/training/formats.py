"""The formats that trainers read: how an example is written as one line of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apps.annotations.training import schemas
from apps.annotations.training.example import ChatMessage, Example

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An example with what a set knows about it."""

    id: str
    example: Example
    split: str
    tokens: int
    source: str
    message_id: str = ""
    trace_id: str = ""
    correction_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How lines are written, and what each must look like."""

    name: str
    extension: str
    line: Callable[[Entry], Line]
    schema: schemas.Schema
    #: Only examples with an answer to avoid can be written.
    is_preference: bool = False
    #: Calls of tools cannot be written.
    is_plain: bool = False

    def leaves_out(self, example: Example) -> str:
        """Why an example has no place in this format; empty where it has."""
        if self.is_preference and not example.rejected.strip():
            return "no_rejected"
        if self.is_preference and example.rejected.strip() == example.answer.strip():
            return "same_answers"
        return "tools" if self.is_plain and example.steps else ""


def _openai_chat(entry: Entry) -> Line:
    example = entry.example
    said = [*example.prompt, *example.steps, {"role": "assistant", "content": example.answer}]
    return {"messages": _messages(said), **_tools(example)}


def _openai_preference(entry: Entry) -> Line:
    example = entry.example
    return {
        "input": {"messages": _messages((*example.prompt, *example.steps)), **_tools(example)},
        "preferred_output": [{"role": "assistant", "content": example.answer}],
        "non_preferred_output": [{"role": "assistant", "content": example.rejected}],
    }


def _trl_preference(entry: Entry) -> Line:
    example = entry.example
    return {
        "prompt": _messages((*example.prompt, *example.steps)),
        "chosen": [{"role": "assistant", "content": example.answer}],
        "rejected": [{"role": "assistant", "content": example.rejected}],
        **_tools(example),
    }


def _sharegpt(entry: Entry) -> Line:
    example = entry.example
    turns = [*_turns((*example.prompt, *example.steps)), {"from": "gpt", "value": example.answer}]
    line: Line = {"conversations": turns}
    if example.system:
        line["system"] = example.system
    if example.tools:
        line["tools"] = _json([each["function"] for each in example.tools])
    return line


def _turns(said: Iterable[ChatMessage]) -> Iterator[dict[str, str]]:
    """Speakers by ShareGPT's names. Calls made at once are one turn, and so is what came of them: as lists."""
    for role, group in itertools.groupby(said, key=lambda each: each["role"]):
        messages = list(group)
        if role == "tool":
            outcomes = [each["content"] for each in messages]
            yield {"from": "observation", "value": outcomes[0] if len(outcomes) == 1 else _json(outcomes)}
            continue
        for each in messages:
            if each.get("tool_calls"):
                yield {"from": "function_call", "value": _called(each["tool_calls"])}
            elif role != "system":
                yield {"from": "human" if role == "user" else "gpt", "value": each["content"]}


def _alpaca(entry: Entry) -> Line:
    example = entry.example
    line: Line = {"instruction": example.question, "input": "", "output": example.answer}
    if example.system:
        line["system"] = example.system
    if example.earlier:
        said = [str(each["content"]) for each in example.earlier]
        line["history"] = [list(pair) for pair in zip(said[::2], said[1::2], strict=True)]
    return line


def _table(entry: Entry) -> Line:
    example = entry.example
    return {
        "id": entry.id,
        "split": entry.split,
        "system": example.system,
        "question": example.question,
        "answer": example.answer,
        "rejected": example.rejected,
        "messages": _json(_openai_chat(entry)["messages"]),
        "tools": _json(list(example.tools)) if example.tools else "",
        "tokens": entry.tokens,
        "source": entry.source,
        "message_id": entry.message_id,
        "trace_id": entry.trace_id,
        "correction_id": entry.correction_id,
    }


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(name="openai", extension="jsonl", line=_openai_chat, schema=schemas.OPENAI_CHAT),
        Format(
            name="openai-preference",
            extension="jsonl",
            line=_openai_preference,
            schema=schemas.OPENAI_PREFERENCE,
            is_preference=True,
        ),
        Format(
            name="trl-preference",
            extension="jsonl",
            line=_trl_preference,
            schema=schemas.TRL_PREFERENCE,
            is_preference=True,
        ),
        Format(name="sharegpt", extension="jsonl", line=_sharegpt, schema=schemas.SHAREGPT),
        Format(name="alpaca", extension="jsonl", line=_alpaca, schema=schemas.ALPACA, is_plain=True),
        Format(name="csv", extension="csv", line=_table, schema=schemas.TABLE),
        Format(name="parquet", extension="parquet", line=_table, schema=schemas.TABLE),
    )
}


def _messages(said: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """The messages with their fields in one order, whatever the store made of it."""
    return [
        {name: _ordered(each[name]) for name in ("role", "content", "tool_calls", "tool_call_id") if name in each}
        for each in said
    ]


def _ordered(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [
        {
            "id": call["id"],
            "type": call["type"],
            "function": {"name": call["function"]["name"], "arguments": call["function"]["arguments"]},
        }
        for call in value
    ]


def _tools(example: Example) -> dict[str, Any]:
    return {"tools": orjson.loads(_json(list(example.tools)))} if example.tools else {}


def _called(calls: Sequence[Mapping[str, Any]]) -> str:
    functions = [each["function"] for each in calls]
    made = [{"name": each["name"], "arguments": orjson.loads(each["arguments"])} for each in functions]
    return _json(made if len(made) > 1 else made[0])


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
