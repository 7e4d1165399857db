"""Plain ports that say what they are told to, for tests of the engine and the nodes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.file_port import FileContent, FilePort, FileValue
from apps.workflows.engine.http_port import HttpPort, HttpRequest, HttpResponse
from apps.workflows.engine.ports import (
    CodePort,
    CodeReport,
    CodeRequest,
    CodeResult,
    Example,
    ModelDelta,
    ModelRequest,
    Passage,
    Ports,
    PromptMessage,
    RetrievalRequest,
    Retrieved,
    ToolCall,
)
from apps.workflows.engine.tool_port import ToolInfo, ToolPort, ToolResult


@dataclass
class Reply:
    """What a model says: `pieces`, `pause` seconds apart; then it fails if told to, maybe after counting tokens."""

    pieces: Sequence[str]
    pause: float = 0.0
    failure: Exception | None = None
    counts_first: bool = False
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    usage: Usage = field(default_factory=lambda: Usage(input_tokens=7, output_tokens=3))


class ScriptedModel:
    """A model port with replies by model name, first come first served; it remembers requests and closings."""

    def __init__(self, **replies: Reply | list[Reply]) -> None:
        self.replies = {name: deque(r if isinstance(r, list) else [r]) for name, r in replies.items()}
        self.seen: list[ModelRequest] = []
        self.closed = 0

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta]:
        self.seen.append(request)
        queue = self.replies[request.model]
        reply = queue.popleft() if len(queue) > 1 else queue[0]
        try:
            if reply.reasoning:
                yield ModelDelta(reasoning=reply.reasoning)
            for piece in reply.pieces:
                await asyncio.sleep(reply.pause)
                yield ModelDelta(text=piece)
            if reply.counts_first:
                yield ModelDelta(usage=reply.usage)
            if reply.failure is not None:
                raise reply.failure
            yield ModelDelta(
                tool_calls=reply.tool_calls,
                finish_reason="stop",
                usage=reply.usage,
                model=f"{request.model}-1",
                provider="scripted",
            )
        finally:
            self.closed += 1


@dataclass
class FixedRetrieval:
    """A retrieval port that always finds the same."""

    passages: Sequence[Passage] = ()
    seen: list[RetrievalRequest] = field(default_factory=list)

    notes: Sequence[Mapping[str, str]] = ()

    async def retrieve(self, request: RetrievalRequest) -> Retrieved:
        self.seen.append(request)
        return Retrieved(passages=self.passages[: request.top_k], method=request.method or "hybrid", notes=self.notes)


@dataclass
class FixedMemory:
    """A conversation that has already been."""

    messages: Sequence[PromptMessage] = ()

    async def recent(self, *, turns: int) -> Sequence[PromptMessage]:
        return self.messages[-2 * turns :]


@dataclass
class FixedExamples:
    """Approved answers, the same for every question."""

    examples: Sequence[Example] = ()

    async def similar(self, query: str, *, k: int, model: str = "") -> Sequence[Example]:
        return self.examples[:k]


@dataclass
class ScriptedCode:
    """A code port that gives what it is told to, one after the other (the last for ever), and runs nothing."""

    gives: Sequence[Mapping[str, Any] | Exception] = ()
    report: CodeReport = field(default_factory=CodeReport)
    seen: list[CodeRequest] = field(default_factory=list)

    async def run(self, request: CodeRequest) -> CodeResult:
        gives = self.gives[min(len(self.seen), len(self.gives) - 1)]
        self.seen.append(request)
        if isinstance(gives, Exception):
            raise gives
        return CodeResult(outputs=gives, report=self.report)

    async def render(
        self, *, template: str, inputs: Mapping[str, Any], node_id: str = "", hide: Callable[[str], str] = str
    ) -> CodeResult:
        return await self.run(CodeRequest(language="jinja2", code=template, inputs=inputs, profile="template"))


@dataclass
class ScriptedHttp:
    """An HTTP port that gives one answer after the other (the last for ever) and remembers the requests."""

    gives: Sequence[HttpResponse | Exception] = (HttpResponse(status=200, url=""),)
    seen: list[HttpRequest] = field(default_factory=list)

    async def send(self, request: HttpRequest) -> HttpResponse:
        gives = self.gives[min(len(self.seen), len(self.gives) - 1)]
        self.seen.append(request)
        if isinstance(gives, Exception):
            raise gives
        return gives


@dataclass
class HeldFiles:
    """A file port that keeps files in memory; texts are the bytes, decoded."""

    held: dict[str, FileContent] = field(default_factory=dict)

    async def read(self, file: FileValue) -> FileContent:
        if file.get("id") not in self.held:
            raise NodeFailure("file_not_found", "There is no such file.")
        return self.held[str(file["id"])]

    async def text(self, file: FileValue) -> str:
        return (await self.read(file)).content.decode()

    async def save(self, content: FileContent) -> dict[str, Any]:
        name = f"file-{len(self.held) + 1}"
        self.held[name] = content
        return {
            "kind": "file",
            "id": name,
            "name": content.name,
            "extension": f".{content.name.rpartition('.')[2]}",
            "mime_type": content.mime_type,
            "size": len(content.content),
            "type": "custom",
            "transfer_method": "tool_file",
        }


@dataclass
class HeldTools:
    """A tool port with functions; what they raise is what the tool raises."""

    tools: Mapping[str, tuple[ToolInfo, Callable[..., ToolResult]]] = field(default_factory=dict)
    seen: list[tuple[str, Mapping[str, Any], str]] = field(default_factory=list)

    async def describe(self, name: str) -> ToolInfo:
        if name not in self.tools:
            raise NodeFailure("tool_not_found", f"There is no tool {name!r}.")
        return self.tools[name][0]

    async def call(self, name: str, parameters: Mapping[str, Any], *, key: str = "") -> ToolResult:
        await self.describe(name)
        self.seen.append((name, parameters, key))
        return self.tools[name][1](**parameters)


def tool(
    name: str, function: Callable[..., ToolResult], *, acts: bool = False, **properties: Any
) -> dict[str, tuple[ToolInfo, Callable[..., ToolResult]]]:
    """A tool for HeldTools."""
    schema = {"type": "object", "properties": properties}
    return {
        name: (ToolInfo(name=name, label=name, description=f"Does {name}.", parameters=schema, acts=acts), function)
    }


def ports(
    *,
    models: ScriptedModel | None = None,
    passages: Sequence[Passage] = (),
    memory: Sequence[PromptMessage] = (),
    examples: Sequence[Example] = (),
    code: CodePort | None = None,
    http: HttpPort | None = None,
    tools: ToolPort | None = None,
    files: FilePort | None = None,
) -> Ports:
    """Ports that do nothing but what is given."""
    return Ports(
        models=models or ScriptedModel(),
        retrieval=FixedRetrieval(passages),
        memory=FixedMemory(memory),
        examples=FixedExamples(examples),
        code=code or ScriptedCode(),
        http=http or ScriptedHttp(),
        tools=tools or HeldTools(),
        files=files or HeldFiles(),
    )


def busy() -> NodeFailure:
    """What an adapter raises when the provider is overloaded."""
    return NodeFailure("rate_limited", "Too many requests.", retryable=True)


def passage(text: str, *, name: str = "Handbook", page: int | None = None, heading: str = "") -> Passage:
    """A passage of a document."""
    return Passage(
        chunk_id=f"chunk-{text[:8]}",
        document_id="document-1",
        document_name=name,
        dataset_id="dataset-1",
        dataset_name="handbook",
        text=text,
        score=0.9,
        scores={"semantic": 0.9},
        page=page,
        heading_path=(heading,) if heading else (),
    )
