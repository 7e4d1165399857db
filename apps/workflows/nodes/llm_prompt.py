"""Put an llm node's prompt together: messages, passages, examples and what was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import Example, PromptMessage
from apps.workflows.engine.variables import Reference, Source, Template, as_text, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A compiled prompt: shared by all runs."""

    messages: tuple[tuple[str, Template], ...]
    context: Reference | None
    window: int
    examples: int
    examples_query: Source
    examples_in_system: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """One run's prompt, the passages it shows, and the ids of the examples in it."""

    messages: list[PromptMessage]
    citations: list[Mapping[str, Any]]
    example_ids: list[str]


async def assemble(prompt: Prompt, context: NodeContext) -> Assembled:
    """The messages to send: system, examples, earlier turns, then what is asked now. Empty ones are left out."""
    found = None if prompt.context is None else context.values.get(prompt.context)
    local = {"context": as_context(found)}
    messages = [
        PromptMessage(role=role, text=text)
        for role, template in prompt.messages
        if (text := template.render(context.values, local)).strip()
    ]
    examples = await _examples(prompt, context)
    if examples and prompt.examples_in_system:
        messages = _with_system_block(messages, examples)
        examples_as_turns: list[PromptMessage] = []
    else:
        examples_as_turns = [message for example in examples for message in _turn(example)]
    recent = await context.ports.memory.recent(turns=prompt.window) if prompt.window else ()
    first = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    last = next((at for at in range(len(messages), first, -1) if messages[at - 1].role == "user"), first + 1) - 1
    return Assembled(
        messages=[*messages[:first], *examples_as_turns, *messages[first:last], *recent, *messages[last:]],
        citations=_passages(found),
        example_ids=[example.id for example in examples],
    )


def as_context(value: Any) -> str:
    """Passages as numbered text; anything else as it reads in a text."""
    passages = _passages(value)
    if not passages:
        return "" if value == [] else as_text(value)
    return "\n\n".join(
        f"[{number}] {_title(passage)}\n{passage['text']}" for number, passage in enumerate(passages, start=1)
    )


def _passages(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item for item in value if isinstance(item, Mapping) and "text" in item and "document_name" in item]


def _title(passage: Mapping[str, Any]) -> str:
    headings = passage.get("heading_path") or ()
    title = str(passage["document_name"])
    if headings:
        title = f"{title} › {headings[-1]}"
    page = passage.get("page")
    return title if page is None else f"{title}, page {page}"


async def _examples(prompt: Prompt, context: NodeContext) -> Sequence[Example]:
    if not prompt.examples:
        return ()
    query = as_text(resolve(prompt.examples_query, context.values)).strip()
    return await context.ports.examples.similar(query, k=prompt.examples) if query else ()


def _turn(example: Example) -> tuple[PromptMessage, PromptMessage]:
    return (
        PromptMessage(role="user", text=example.question),
        PromptMessage(role="assistant", text=example.answer),
    )


def _with_system_block(messages: list[PromptMessage], examples: Sequence[Example]) -> list[PromptMessage]:
    block = "\n\n".join(
        ["Approved answers to similar questions:", *(f"Q: {e.question}\nA: {e.answer}" for e in examples)]
    )
    if messages and messages[0].role == "system":
        return [PromptMessage(role="system", text=f"{messages[0].text}\n\n{block}"), *messages[1:]]
    return [PromptMessage(role="system", text=block), *messages]
