"""llm: ask a language model and stream what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, cast

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import ModelDelta, ModelRequest
from apps.workflows.engine.variables import Reference, Template, parse_source
from apps.workflows.nodes.llm_config import LLM_SCHEMA, FewShot, LlmConfig
from apps.workflows.nodes.llm_prompt import Assembled, Prompt, assemble
from apps.workflows.nodes.shapes import uses

#: The insertion that only prompts know: the passages of the node's `context`.
CONTEXT_NAME = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Llm:
    """Sends the prompt and passes the reply on, piece by piece."""

    model: str
    parameters: Mapping[str, Any]
    prompt: Prompt

    async def run(self, context: NodeContext) -> NodeResult:
        assembled = await assemble(self.prompt, context)
        context.inputs = {"citations": len(assembled.citations)} if self.prompt.context else {}
        context.process = self._process(assembled)
        if not assembled.messages:
            raise NodeFailure("empty_prompt", "Every message of the prompt is empty.")
        request = ModelRequest(model=self.model, messages=tuple(assembled.messages), parameters=self.parameters)
        return await self._ask(request, assembled, context)

    async def _ask(self, request: ModelRequest, assembled: Assembled, context: NodeContext) -> NodeResult:
        pieces: list[str] = []
        model, finish_reason = self.model, None
        async with _closing(context.ports.models.stream(request)) as stream:
            async for delta in stream:
                if delta.text:
                    pieces.append(delta.text)
                    context.text(delta.text)
                if delta.usage is not None:
                    context.usage = delta.usage
                if delta.model or delta.provider:
                    model = delta.model or model
                    context.process = {**context.process, "model": model, "provider": delta.provider}
                finish_reason = delta.finish_reason or finish_reason
        return NodeResult(
            outputs={
                "text": "".join(pieces),
                "usage": None if context.usage is None else asdict(context.usage),
                "model": model,
                "finish_reason": finish_reason,
                "citations": assembled.citations,
            }
        )

    def _process(self, assembled: Assembled) -> dict[str, Any]:
        return {
            "messages": [{"role": message.role, "text": message.text} for message in assembled.messages],
            "model": self.model,
            "requested_model": self.model,
            "provider": None,
            "parameters": dict(self.parameters),
            "examples": assembled.example_ids,
        }


def _closing(stream: AsyncIterator[ModelDelta]) -> AbstractAsyncContextManager[AsyncIterator[ModelDelta]]:
    """Close the provider's stream however we leave it; a plain iterator has nothing to close."""
    if hasattr(stream, "aclose"):
        return cast("AbstractAsyncContextManager[AsyncIterator[ModelDelta]]", aclosing(stream))
    return nullcontext(stream)


def _compile(config: Config) -> Llm:
    typed = LlmConfig.parse(config)
    few_shot = typed.few_shot or FewShot(k=0)
    return Llm(
        model=typed.model["name"],
        parameters={key: value for key, value in typed.model.items() if key != "name"},
        prompt=Prompt(
            messages=tuple((message["role"], Template.parse(message["text"])) for message in typed.prompt),
            context=None if typed.context is None else Reference.parse(typed.context),
            window=typed.memory["window"] if typed.memory else 0,
            examples=few_shot.k,
            examples_query=parse_source(few_shot.query),
            examples_in_system=few_shot.place == "system",
        ),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"text", "usage", "model", "finish_reason", "citations"})


def _uses(config: Config) -> Iterator[Use]:
    has_context = "context" in config
    if has_context:
        yield from uses("/context", config["context"], optional=True)
    for place, message in enumerate(config["prompt"]):
        for reference in Template.parse(message["text"]).references():
            if reference.path != CONTEXT_NAME or not has_context:
                yield Use(pointer=f"/prompt/{place}/text", reference=reference)
    if "few_shot" in config and "query" in config["few_shot"]:
        yield from uses("/few_shot/query", config["few_shot"]["query"], optional=True)


LLM = NodeType(name="llm", schema=LLM_SCHEMA, compile=_compile, outputs=_outputs, uses=_uses)
