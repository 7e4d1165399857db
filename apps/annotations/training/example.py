"""One example to learn from: what was said and done, the good answer, and where there is one the answer to avoid."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from apps.annotations.text.questions import question_key
from model_runtime.tokens import estimate_tokens

#: A chat message as OpenAI writes it: `role`, `content`, and `tool_calls` or `tool_call_id`.
ChatMessage = Mapping[str, Any]
Deduplicate = Literal["none", "exact", "question"]
Split = Literal["train", "validation"]
_TOKENS_PER_MESSAGE = 4
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool, what it was given, and what came of it."""

    tool: str
    arguments: Mapping[str, Any]
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStep:
    """The calls that the assistant made at once, and what it said beside them."""

    calls: tuple[ToolCall, ...]
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A dialogue that ends with a good answer."""

    #: What was said before, the last one being the question.
    prompt: tuple[ChatMessage, ...]
    answer: str
    #: Calls of tools and what came of them, between question and answer.
    steps: tuple[ChatMessage, ...] = ()
    #: Definitions of the tools, as OpenAI writes them.
    tools: tuple[Mapping[str, Any], ...] = ()
    rejected: str = ""

    @property
    def question(self) -> str:
        """The last thing that a person said."""
        return next((str(each["content"]) for each in reversed(self.prompt) if each["role"] == "user"), "")

    @property
    def system(self) -> str:
        """The instructions it begins with, if any."""
        first = self.prompt[0] if self.prompt else None
        return str(first["content"]) if first is not None and first["role"] == "system" else ""

    @property
    def earlier(self) -> tuple[ChatMessage, ...]:
        """What was said between the instructions and the question."""
        return self.prompt[1 if self.system else 0 : -1]

    def as_dict(self) -> dict[str, Any]:
        """The example as it is stored."""
        return {
            "prompt": list(self.prompt),
            "steps": list(self.steps),
            "tools": list(self.tools),
            "answer": self.answer,
            "rejected": self.rejected,
        }

    def masked(self, mask: Any) -> Example:
        """The same without what `mask` (JSON value in, JSON value out) takes away."""
        return from_dict(mask(self.as_dict()))


def from_dict(stored: Mapping[str, Any]) -> Example:
    """The example that was stored."""
    return Example(
        prompt=tuple(stored["prompt"]),
        steps=tuple(stored["steps"]),
        tools=tuple(stored["tools"]),
        answer=stored["answer"],
        rejected=stored["rejected"],
    )


def dialogue(
    question: str, *, answer: str, system: str = "", earlier: Sequence[tuple[str, str]] = (), rejected: str = ""
) -> Example:
    """An example without tools; `earlier` are questions and answers, the oldest first."""
    said: list[ChatMessage] = [{"role": "system", "content": system}] if system.strip() else []
    for asked, answered in earlier:
        said += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    said.append({"role": "user", "content": question})
    return Example(prompt=tuple(said), answer=answer, rejected=rejected)


def with_tools(example: Example, *, steps: Sequence[ToolStep], offered: Sequence[Mapping[str, Any]] = ()) -> Example:
    """The same after steps with tools. `offered` are definitions; a tool without one is defined by what it was given.

    What the assistant said beside its calls is taken off the answer's beginning where it stands there too: an answer
    to a person is all that was said, while in training each step says its own part once.
    """
    if not steps:
        return example
    said: list[ChatMessage] = []
    for number, step in enumerate(steps):
        named = [(f"call_{number + 1}_{place}", call) for place, call in enumerate(step.calls, start=1)]
        said.append({"role": "assistant", "content": None, "tool_calls": [_called(key, call) for key, call in named]})
        said += [{"role": "tool", "tool_call_id": key, "content": call.outcome} for key, call in named]
    spoken = [step.said.strip() for step in steps if step.said.strip()]
    rest = _after(example.answer, spoken)
    if rest is None:
        return replace(example, steps=tuple(said), tools=_definitions(steps, offered))
    places = [place for place, each in enumerate(said) if each["role"] == "assistant"]
    for place, step in zip(places, steps, strict=True):
        said[place] = {**said[place], "content": step.said.strip() or None}
    return replace(example, answer=rest, steps=tuple(said), tools=_definitions(steps, offered))


def _after(answer: str, spoken: Sequence[str]) -> str | None:
    """What is left of an answer after these paragraphs; None where it does not begin with them."""
    for text in spoken:
        answer = answer.strip()
        if not answer.startswith(text):
            return None
        answer = answer[len(text) :]
    return answer.strip() or None


def _called(key: str, call: ToolCall) -> dict[str, Any]:
    arguments = orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS).decode()
    return {"id": key, "type": "function", "function": {"name": tool_name(call.tool), "arguments": arguments}}


def _definitions(steps: Sequence[ToolStep], offered: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    defined: dict[str, dict[str, Any]] = {}
    for each in offered:
        known = {"name": tool_name(str(each.get("name") or ""))}
        if isinstance(each.get("description"), str) and each["description"].strip():
            known["description"] = each["description"]
        parameters = each.get("parameters")
        defined[known["name"]] = {
            **known,
            "parameters": dict(parameters) if isinstance(parameters, Mapping) and parameters else _no_parameters(),
        }
    guessed: dict[str, dict[str, Any]] = {}
    for call in (call for step in steps for call in step.calls):
        name = tool_name(call.tool)
        if name not in defined:
            properties = guessed.setdefault(name, {})
            properties.update({key: {"type": _json_type(value)} for key, value in call.arguments.items()})
    for name, properties in guessed.items():
        defined[name] = {"name": name, "parameters": {**_no_parameters(), "properties": properties}}
    return tuple({"type": "function", "function": defined[name]} for name in sorted(defined))


def _no_parameters() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


def tool_name(name: str) -> str:
    """A name that providers accept for a function."""
    return _NOT_IN_A_NAME.sub("_", name)[:LONGEST_NAME] or "tool"


def deduplication_key(example: Example, *, by: Deduplicate, unique: str) -> str:
    """What examples share of which one is enough; `unique` (an id) keeps all apart.

    `exact`: the same dialogue and answer, whatever their spacing. `question`: the same question, however written,
    in the same dialogue, whatever the answer.
    """
    match by:
        case "none":
            return hashlib.sha256(unique.encode()).hexdigest()
        case "exact":
            whole = _flat({**example.as_dict(), "tools": []})
        case "question":
            whole = [_flat([example.system, *(each["content"] for each in example.earlier)])]
            whole.append(question_key(example.question))
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def split_of(example: Example, *, validation_percent: int) -> Split:
    """Where it belongs. The question alone decides: it stays where it is as a set grows, and never leaks across."""
    place = int.from_bytes(hashlib.sha256(f"split:{question_key(example.question)}".encode()).digest()[:8], "big")
    return "validation" if place * 100 < validation_percent * 2**64 else "train"


def count_tokens(example: Example) -> int:
    """An estimate of the tokens of the whole dialogue with the good answer, as one pass over it would be charged."""
    texts = [str(each.get("content") or "") for each in (*example.prompt, *example.steps)]
    calls = [
        call["function"]["name"] + call["function"]["arguments"]
        for each in example.steps
        for call in each.get("tool_calls", ())
    ]
    defined = orjson.dumps(list(example.tools)).decode() if example.tools else ""
    counted = sum(map(estimate_tokens, [*texts, *calls, example.answer, defined]))
    return counted + _TOKENS_PER_MESSAGE * (len(texts) + 1)


def _flat(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        return {key: _flat(inner) for key, inner in value.items()}
    return [_flat(each) for each in value] if isinstance(value, (list, tuple)) else value


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list() | tuple():
            return "array"
        case Mapping():
            return "object"
        case _:
            return "string"
