"""llm: ask a language model and stream what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import ModelRequest
from apps.workflows.engine.variables import Reference, Template, parse_source
from apps.workflows.nodes.asking import Said, Vision, ask, shown, text_uses, vision_uses
from apps.workflows.nodes.llm_config import LLM_SCHEMA, FewShot, LlmConfig, MemoryConfig
from apps.workflows.nodes.llm_examples import Wanted
from apps.workflows.nodes.llm_prompt import (
    CONTEXT_NAME,
    HISTORIES_NAME,
    Assembled,
    Memory,
    Prompt,
    Written,
    assemble,
)
from apps.workflows.nodes.model_parameters import Model, model_uses
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.nodes.shapes import escape, uses
from apps.workflows.nodes.structured import Structure
from apps.workflows.nodes.thinking import Thoughts, apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Llm:
    """Sends the prompt and passes the reply on, piece by piece; one that must be data only once it is sound.

    With `tagged`, what the model thinks is a part of the text, between tags.
    """

    model: Model
    prompt: Prompt
    structure: Structure | None
    tagged: bool

    async def run(self, context: NodeContext) -> NodeResult:
        model = self.model.at(context.values)
        assembled = await assemble(self.prompt, context, model=model.name)
        context.inputs = {"citations": len(assembled.citations)} if self.prompt.context else {}
        secrets = Secrets.among(self.prompt.references(), context.values)
        context.process = {
            "messages": secrets.hide_in(shown(assembled.messages)),
            **model.process(),
            **assembled.examples.process(),
        }
        if not assembled.messages:
            raise NodeFailure("empty_prompt", "Every message of the prompt is empty.")
        request = ModelRequest(model=model.name, messages=tuple(assembled.messages), parameters=model.parameters)
        if self.structure is not None:
            return await self._ask_for_data(self.structure, request, assembled, context)
        return await self._ask(request, assembled, context)

    async def _ask(self, request: ModelRequest, assembled: Assembled, context: NodeContext) -> NodeResult:
        if self.tagged:
            said = await ask(request, context, on_text=context.text)
            return _result(said, said.text, said.reasoning, assembled, context)
        thoughts = Thoughts()
        pieces: list[str] = []

        def say(piece: str) -> None:
            if piece:
                pieces.append(piece)
                context.text(piece)

        said = await ask(request, context, on_text=lambda piece: say(thoughts.take(piece)))
        say(thoughts.take("", last=True))
        return _result(said, "".join(pieces), said.reasoning or thoughts.reasoning, assembled, context)

    async def _ask_for_data(
        self, structure: Structure, request: ModelRequest, assembled: Assembled, context: NodeContext
    ) -> NodeResult:
        said, value = await structure.ask(request, context)
        text, thought = (said.text, "") if self.tagged else apart(said.text)
        context.text(text)
        return _result(said, text, said.reasoning or thought, assembled, context, structured=value)


def _result(
    said: Said, text: str, reasoning: str, assembled: Assembled, context: NodeContext, **more: Any
) -> NodeResult:
    return NodeResult(
        outputs={
            "text": text,
            "reasoning": reasoning,
            "usage": None if context.usage is None else context.usage.values(),
            "model": said.model,
            "provider": said.provider,
            "finish_reason": said.finish_reason,
            "citations": assembled.citations,
            **more,
        }
    )


def _compile(config: Config) -> Llm:
    typed = LlmConfig.parse(config)
    few_shot = typed.few_shot or FewShot(k=0)
    messages = tuple(
        Written(
            role=message["role"],
            text=Template.parse(message["text"]),
            jinja=message["text"] if message.get("jinja") else None,
            variables=tuple((name, parse_source(text)) for name, text in (message.get("variables") or {}).items()),
        )
        for message in typed.prompt
    )
    return Llm(
        model=Model.parse(typed.model),
        prompt=Prompt(
            messages=messages,
            context=None if typed.context is None else Reference.parse(typed.context),
            memory=None if typed.memory is None else _memory(typed.memory, messages),
            examples=Wanted(
                k=few_shot.k,
                query=parse_source(few_shot.query),
                in_system=few_shot.place == "system",
                token_budget=few_shot.token_budget,
                min_score=few_shot.min_score,
            ),
            vision=Vision.parse(typed.vision),
        ),
        structure=None
        if typed.structured is None
        else Structure(name="reply", schema=typed.structured.schema, strict=typed.structured.strict),
        tagged=typed.reasoning == "tagged",
    )


def _memory(config: MemoryConfig, messages: tuple[Written, ...]) -> Memory:
    return Memory(
        window=config.window,
        query=None if config.query is None else Template.parse(config.query),
        user_prefix=config.user_prefix,
        assistant_prefix=config.assistant_prefix,
        as_transcript=any(
            reference.path == HISTORIES_NAME for message in messages for reference in message.text.references()
        ),
    )


def _outputs(config: Config) -> frozenset[str]:
    always = {"text", "reasoning", "usage", "model", "provider", "finish_reason", "citations"}
    return frozenset(always | ({"structured"} if "structured" in config else set()))


def _uses(config: Config) -> Iterator[Use]:
    local = {name for name, key in ((CONTEXT_NAME, "context"), (HISTORIES_NAME, "memory")) if key in config}
    if "context" in config:
        yield from uses("/context", config["context"], optional=True)
    for place, message in enumerate(config["prompt"]):
        if not message.get("jinja"):
            for use in text_uses(f"/prompt/{place}/text", message["text"]):
                if use.reference.path not in local:
                    yield use
        for name, text in (message.get("variables") or {}).items():
            yield from uses(f"/prompt/{place}/variables/{escape(name)}", text)
    if "query" in config.get("memory", {}):
        for use in text_uses("/memory/query", config["memory"]["query"]):
            if use.reference.path not in local:
                yield use
    if "few_shot" in config and "query" in config["few_shot"]:
        yield from uses("/few_shot/query", config["few_shot"]["query"], optional=True)
    yield from vision_uses(config)
    yield from model_uses(config["model"])


LLM = NodeType(name="llm", schema=LLM_SCHEMA, compile=_compile, outputs=_outputs, uses=_uses)
