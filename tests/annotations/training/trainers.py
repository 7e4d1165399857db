"""What readers of the files ask of them: OpenAI's own types of chat messages and tools, TRL's documented columns.

The `openai` package checks no files any more; what it does have are the types that its own requests are made of. The
rules beside them are those of OpenAI's guide to fine-tuning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import TypeAdapter, ValidationError

MESSAGES: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionMessageParam])
TOOLS: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionFunctionToolParam])
#: A file of fewer lines is refused by OpenAI when the job is made; nothing a line can help.
KEYS = {"messages", "tools", "parallel_tool_calls"}
PREFERENCE_KEYS = {"input", "preferred_output", "non_preferred_output"}
#: TRL's documented columns of a preference set with an explicit prompt; `tools` may stand beside them.
TRL_COLUMNS = {"prompt", "chosen", "rejected"}


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; every line ends, and none is empty."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    return [orjson.loads(line) for line in content.splitlines()]


def chat_faults(line: Mapping[str, Any]) -> list[str]:
    """What OpenAI would say against a line to fine-tune a chat model with."""
    found = [f"key {name}" for name in line.keys() - KEYS]
    messages = line.get("messages") or []
    found += list(_dialogue_faults(messages, line.get("tools")))
    if not any(each["role"] == "assistant" and each.get("content") for each in messages):
        found.append("nothing to learn: no answer of the assistant")
    return found


def preference_faults(line: Mapping[str, Any]) -> list[str]:
    """What OpenAI would say against a line to fine-tune by preference with."""
    found = [f"key {name}" for name in line.keys() ^ PREFERENCE_KEYS]
    asked = line["input"]
    found += list(_dialogue_faults(asked["messages"], asked.get("tools")))
    for name in ("preferred_output", "non_preferred_output"):
        found += list(_dialogue_faults(line[name], None))
        if [each["role"] for each in line[name]] != ["assistant"]:
            found.append(f"{name} is not one answer")
    return found


def loaded_as_preferences(path: Path, *, cache: Path) -> list[dict[str, Any]]:
    """The rows that `datasets` makes of a file, as TRL's trainers are given them; raises where columns are missing."""
    import datasets

    datasets.disable_progress_bars()
    rows = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(cache))
    assert set(rows.column_names) >= TRL_COLUMNS, rows.column_names
    for row in rows:
        for column in TRL_COLUMNS:
            assert all(set(each) >= {"role", "content"} for each in row[column]), row
        assert [each["role"] for each in row["chosen"]] == ["assistant"] == [each["role"] for each in row["rejected"]]
    return list(rows)


def _dialogue_faults(messages: list[Any], tools: list[Any] | None) -> Iterator[str]:
    try:
        for each in MESSAGES.validate_python(messages, strict=False):
            # Calls are read lazily, and so are their faults.
            list(each.get("tool_calls") or ())
        TOOLS.validate_python(tools or [])
    except ValidationError as exc:
        yield str(exc)
        return
    offered = {each["function"]["name"] for each in tools or ()}
    open_calls: set[str] = set()
    for each in messages:
        if each["role"] == "tool":
            if each["tool_call_id"] not in open_calls:
                yield "a result of no call"
            open_calls.discard(each["tool_call_id"])
        elif open_calls:
            yield "a call without a result"
        for call in each.get("tool_calls") or ():
            open_calls.add(call["id"])
            if call["function"]["name"] not in offered:
                yield f"an unknown tool {call['function']['name']}"
            if not isinstance(orjson.loads(call["function"]["arguments"]), dict):
                yield "arguments that are no object"
    if open_calls:
        yield "a call without a result"
