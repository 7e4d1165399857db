"""Put an llm node's prompt together: messages, passages, examples, pictures and what was said before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import CodeFailed, Example, Picture, PromptMessage
from apps.workflows.engine.variables import Reference, Source, Template, as_text, references_of, resolve
from apps.workflows.nodes.asking import Vision, pictures_in
from apps.workflows.nodes.llm_examples import Chosen, Wanted, choose_examples
from apps.workflows.nodes.sandboxed import plain

#: The insertions that only prompts know: the passages of the node's `context`, and the conversation as a transcript.
CONTEXT_NAME: Final = "context"
HISTORIES_NAME: Final = "histories"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message as the author wrote it: a text with insertions, or a Jinja2 template with its `variables`."""

    role: str
    text: Template
    jinja: str | None = None
    variables: tuple[tuple[str, Source], ...] = ()

    def references(self) -> Iterator[Reference]:
        """What of the run it shows."""
        if self.jinja is None:
            yield from self.text.references()
        for _, source in self.variables:
            yield from references_of(source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Earlier turns: as messages before the last one, or as a transcript where a message inserts `histories`."""

    window: int
    query: Template | None
    user_prefix: str
    assistant_prefix: str
    as_transcript: bool

    def transcript(self, turns: Sequence[PromptMessage]) -> str:
        """The conversation as lines."""
        prefixes = {"user": self.user_prefix, "assistant": self.assistant_prefix}
        return "\n".join(f"{prefixes.get(turn.role, turn.role)}: {turn.text}" for turn in turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A compiled prompt: shared by all runs."""

    messages: tuple[Written, ...]
    context: Reference | None
    memory: Memory | None
    examples: Wanted
    vision: Vision | None

    def references(self) -> Iterator[Reference]:
        """What of the run the messages show."""
        for message in self.messages:
            yield from message.references()
        if self.memory is not None and self.memory.query is not None:
            yield from self.memory.query.references()
        if self.context is not None:
            yield self.context


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """One run's prompt, the passages it shows, and the examples in it."""

    messages: list[PromptMessage]
    citations: list[Mapping[str, Any]]
    examples: Chosen


async def assemble(prompt: Prompt, context: NodeContext, *, model: str) -> Assembled:
    """The messages to send: system, examples, earlier turns, then what is asked now. Empty ones are left out."""
    found = None if prompt.context is None else context.values.get(prompt.context)
    memory = prompt.memory
    recent = await context.ports.memory.recent(turns=memory.window) if memory else ()
    local = {CONTEXT_NAME: as_context(found)}
    if memory is not None and memory.as_transcript:
        local[HISTORIES_NAME], recent = memory.transcript(recent), ()
    messages = await _rendered(prompt, context, local)
    chosen = await choose_examples(prompt.examples, context, model=model)
    examples_as_turns: list[PromptMessage] = []
    if chosen.examples and prompt.examples.in_system:
        messages = _with_system_block(messages, chosen.examples)
    else:
        examples_as_turns = [message for example in chosen.examples for message in _turn(example)]
    first = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    if memory is not None and memory.query is not None:
        last = len(messages)
        query = memory.query.render(context.values, local)
        messages += [PromptMessage(role="user", text=query)] if query.strip() else []
    else:
        last = next((at for at in range(len(messages), first, -1) if messages[at - 1].role == "user"), first + 1) - 1
    return Assembled(
        messages=_with_pictures(
            [*messages[:first], *examples_as_turns, *messages[first:last], *recent, *messages[last:]], prompt, context
        ),
        citations=_passages(found),
        examples=chosen,
    )


async def _rendered(prompt: Prompt, context: NodeContext, local: Mapping[str, str]) -> list[PromptMessage]:
    messages = []
    for written in prompt.messages:
        pictures: list[Picture] = []
        if written.jinja is not None:
            text = await _filled_in(written, context, local)
        else:
            hidden = dict(local)
            if prompt.vision is not None:  # a picture in a text is shown, not spelled out
                for reference in written.text.references():
                    if inside := pictures_in(context.values.get(reference), detail=prompt.vision.detail):
                        pictures += inside
                        hidden[reference.path] = ""
            text = written.text.render(context.values, hidden)
        if text.strip() or pictures:
            messages.append(PromptMessage(role=written.role, text=text, pictures=pictures))
    return messages


async def _filled_in(written: Written, context: NodeContext, local: Mapping[str, str]) -> str:
    """A Jinja2 message, rendered in the sandbox; it knows its own variables and what all prompts know."""
    inputs = {**local, **{name: plain(resolve(source, context.values)) for name, source in written.variables}}
    result = await context.ports.code.render(template=written.jinja or "", inputs=inputs, node_id=context.node_id)
    text = result.outputs.get("output")
    if not isinstance(text, str):
        raise CodeFailed("code_protocol", "The sandbox gave no text for the template.")
    return text


def _with_pictures(messages: list[PromptMessage], prompt: Prompt, context: NodeContext) -> list[PromptMessage]:
    """The files of the node's `vision` stand in the last message of the user."""
    pictures = prompt.vision.pictures(context.values) if prompt.vision else []
    there = [picture.file.get("id") for message in messages for picture in message.pictures]
    pictures = [picture for picture in pictures if picture.file.get("id") is None or picture.file["id"] not in there]
    if not pictures:
        return messages
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "user":
            messages[at] = replace(messages[at], pictures=[*messages[at].pictures, *pictures])
            return messages
    return [*messages, PromptMessage(role="user", text="", pictures=pictures)]


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


def _turn(example: Example) -> tuple[PromptMessage, PromptMessage]:
    return (
        PromptMessage(role="user", text=example.question),
        PromptMessage(role="assistant", text=example.answer),
    )


def _with_system_block(messages: list[PromptMessage], examples: Sequence[Example]) -> list[PromptMessage]:
    block = "\n\n".join(
        ["Approved answers to similar questions:", *(f"Q: {e.question}\nA: {e.answer}" for e in examples)]
    )
    return with_system(messages, block)


def with_system(messages: list[PromptMessage], block: str) -> list[PromptMessage]:
    """The messages with one more paragraph in the system message, which is made if there is none."""
    if messages and messages[0].role == "system":
        return [replace(messages[0], text=f"{messages[0].text}\n\n{block}"), *messages[1:]]
    return [PromptMessage(role="system", text=block), *messages]
