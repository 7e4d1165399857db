"""What nodes need from the world, as Protocols, and the values that cross them.

The adapters make them real (`apps/workflows/adapters/`); tests and benchmarks pass plain objects. Whatever goes wrong
behind a port is raised as `NodeFailure`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.file_port import FilePort
from apps.workflows.engine.http_port import HttpPort
from apps.workflows.engine.tool_port import ToolPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture beside the text of a message: `file` is a value of the type file, `detail` how closely to look."""

    file: Mapping[str, Any]
    detail: str = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model wants a tool called; `arguments` is the text that it wrote, which should be a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """One message to a model; `role` is system, user, assistant or tool.

    An assistant's message may carry the `tool_calls` that it asked for; what came of each is a message of the role
    tool with its `tool_call_id`.
    """

    role: str
    text: str
    pictures: Sequence[Picture] = ()
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """A tool that the model may ask for; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyShape:
    """The reply must be JSON of this schema. Providers that cannot promise that are asked for JSON, or for nothing."""

    name: str
    schema: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A chat completion. `parameters` are the document's (temperature, top_p, max_tokens, stop, seed ...).

    `tool_choice` is auto, none, required, or the name of the tool to call; it means nothing without `tools`.
    """

    model: str
    messages: Sequence[PromptMessage]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[ToolOffer] = ()
    tool_choice: str = "auto"
    shape: ReplyShape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDelta:
    """A piece of the reply, or of the thinking before it (`reasoning`).

    The last one carries why the reply ended, the tools it wants called, the usage and the model that really answered.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    provider: str | None = None


class ModelPort(Protocol):
    def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalRequest:
    """What is None is as the datasets' own settings say.

    `method` is hybrid, semantic or full_text; `min_score` applies to the reranker's score, else to the cosine.
    `lexical_weight` is what words weigh beside vectors, `fusion` is weighted or rrf. `rerank` is {model, timeout,
    candidates}, or False for no reranking. `filters` is {logical, conditions: [{name, op, value}]} over the documents'
    metadata; `filter_model` has a model make them of the query instead (empty: the team's default model).
    """

    query: str
    datasets: Sequence[str]
    method: str | None = None
    top_k: int | None = None
    min_score: float | None = None
    lexical_weight: float | None = None
    fusion: str | None = None
    rerank: Mapping[str, Any] | bool | None = None
    filters: Mapping[str, Any] | None = None
    filter_model: str | None = None
    token_budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document that may answer the question. Offsets are characters in the page's cleaned text."""

    chunk_id: str
    document_id: str
    document_name: str
    dataset_id: str
    dataset_name: str
    text: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    page: int | None = None
    char_start: int = 0
    char_end: int = 0
    heading_path: Sequence[str] = ()
    position: int = 0
    url: str = ""
    """Where its source can be read, if another program keeps it and says so."""
    is_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """Passages, best first, and how they were found: `notes` are {code, message} of what did not go as asked for."""

    passages: Sequence[Passage]
    method: str = ""
    notes: Sequence[Mapping[str, str]] = ()
    filters: Mapping[str, Any] | None = None
    reranked: bool = False


class RetrievalPort(Protocol):
    async def retrieve(self, request: RetrievalRequest) -> Retrieved: ...


class MemoryPort(Protocol):
    async def recent(self, *, turns: int) -> Sequence[PromptMessage]:
        """The conversation's last turns, oldest first; empty outside a conversation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An approved question and answer, to be shown to a model; `tokens` is what both take of the model's window."""

    id: str
    question: str
    answer: str
    score: float
    tokens: int = 0


class ExamplesPort(Protocol):
    async def similar(self, query: str, *, k: int, model: str = "") -> Sequence[Example]:
        """The k nearest examples, nearest first; with a model's name, with their tokens as that model counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A function to call in the sandbox, for a node. Limits that are None are the sandbox's own."""

    language: str
    code: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    profile: str = "base"
    wall_s: float | None = None
    memory_mb: int | None = None
    node_id: str = ""
    #: Covers up what nobody may read, in whatever is kept of how the code ended.
    hide: Callable[[str], str] = field(default=str, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReport:
    """What code left behind, however it ended. The traceback shows the author's lines only."""

    stdout: str = ""
    stderr: str = ""
    traceback: str = ""
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    peak_kb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeResult:
    """What code gave: the object that `main` returned, or the text of a template under `output`."""

    outputs: Mapping[str, Any]
    report: CodeReport = field(default_factory=CodeReport)


class CodeFailed(NodeFailure):
    """Code could not be run to its end; `report` is what there is of it."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        details: dict[str, Any] | None = None,
        report: CodeReport | None = None,
    ) -> None:
        super().__init__(code, message, retryable=retryable, details=details)
        self.report = report or CodeReport()


class CodePort(Protocol):
    """Runs what people wrote where it can reach nothing. Both raise CodeFailed."""

    async def run(self, request: CodeRequest) -> CodeResult:
        """Call the code's `main` with the inputs."""
        ...

    async def render(
        self, *, template: str, inputs: Mapping[str, Any], node_id: str = "", hide: Callable[[str], str] = str
    ) -> CodeResult:
        """Fill a Jinja2 template in, for a node; `hide` is that of `CodeRequest`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything a node may reach beyond its own inputs."""

    models: ModelPort
    retrieval: RetrievalPort
    memory: MemoryPort
    examples: ExamplesPort
    code: CodePort
    http: HttpPort
    tools: ToolPort
    files: FilePort
