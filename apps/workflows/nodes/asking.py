"""One exchange with a model: what every node that asks one configures, and how the reply is gathered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import Any, Final, cast

from apps.workflows.engine.file_port import files_in
from apps.workflows.engine.node import Config, NodeContext, Use
from apps.workflows.engine.ports import ModelDelta, ModelRequest, Picture, PromptMessage, ToolCall
from apps.workflows.engine.variables import Reference, Template, Values
from apps.workflows.nodes.model_parameters import MODEL
from apps.workflows.nodes.shapes import REFERENCE, TEXT, Schema, closed, uses

MEMORY: Final[Schema] = closed({"window": {"type": "integer", "minimum": 1, "maximum": 100}}, required=["window"])
VISION: Final[Schema] = closed({"files": REFERENCE, "detail": {"enum": ["low", "high"], "default": "high"}})
#: The files that come with a question.
DEFAULT_FILES: Final = "sys.files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vision:
    """Which files the model is shown, and how closely it looks; others than pictures it cannot see."""

    files: Reference
    detail: str

    @classmethod
    def parse(cls, config: Mapping[str, Any] | None) -> Vision | None:
        if config is None:
            return None
        return cls(files=Reference.parse(config.get("files", DEFAULT_FILES)), detail=config.get("detail", "high"))

    def pictures(self, values: Values) -> list[Picture]:
        """The pictures among the files."""
        return pictures_in(values.get(self.files), detail=self.detail)


def pictures_in(value: Any, *, detail: str) -> list[Picture]:
    """The pictures that a value holds: a file, or a list of files."""
    return [Picture(file=file, detail=detail) for file in files_in(value) or () if file.get("type") == "image"]


def vision_uses(config: Config) -> Iterator[Use]:
    """The references that a node's `vision` makes."""
    if "vision" in config and "files" in config["vision"]:
        yield from uses("/vision/files", config["vision"]["files"], optional=True)


def text_uses(pointer: str, text: str) -> Iterator[Use]:
    """The references that a text makes."""
    for reference in Template.parse(text).references():
        yield Use(pointer=pointer, reference=reference)


#: What both nodes that ask about a text take besides it.
ABOUT_A_TEXT: Final[Mapping[str, Schema]] = {
    "model": MODEL,
    "instruction": TEXT,
    "memory": MEMORY,
    "vision": VISION,
}


@dataclass(slots=True, kw_only=True)
class Said:
    """What a model has said so far."""

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    model: str
    provider: str | None = None


async def ask(request: ModelRequest, context: NodeContext, *, on_text: Callable[[str], None] | None = None) -> Said:
    """Send a request and gather the reply; `on_text` gets its pieces as they come.

    Usage is added to what the node has used before; the model that really answered is noted in `process`.
    """
    said = Said(model=request.model)
    pieces: list[str] = []
    thoughts: list[str] = []
    before = context.usage
    async with _closing(context.ports.models.stream(request)) as stream:
        async for delta in stream:
            if delta.text:
                pieces.append(delta.text)
                if on_text is not None:
                    on_text(delta.text)
            if delta.reasoning:
                thoughts.append(delta.reasoning)
            if delta.usage is not None:
                context.usage = delta.usage if before is None else before + delta.usage
            if delta.tool_calls:
                said.tool_calls = delta.tool_calls
            if delta.model or delta.provider:
                said.model, said.provider = delta.model or said.model, delta.provider
                context.process = {**context.process, "model": said.model, "provider": delta.provider}
            said.finish_reason = delta.finish_reason or said.finish_reason
    said.text, said.reasoning = "".join(pieces), "".join(thoughts)
    return said


def _closing(stream: AsyncIterator[ModelDelta]) -> AbstractAsyncContextManager[AsyncIterator[ModelDelta]]:
    """Close the provider's stream however we leave it; a plain iterator has nothing to close."""
    if hasattr(stream, "aclose"):
        return cast("AbstractAsyncContextManager[AsyncIterator[ModelDelta]]", aclosing(stream))
    return nullcontext(stream)


def shown(messages: Iterable[PromptMessage]) -> list[dict[str, Any]]:
    """Messages as a run shows them: pictures by their names."""
    rows: list[dict[str, Any]] = []
    for message in messages:
        row: dict[str, Any] = {"role": message.role, "text": message.text}
        if message.pictures:
            row["pictures"] = [picture.file.get("name", "") for picture in message.pictures]
        rows.append(row)
    return rows
