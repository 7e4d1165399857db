"""knowledge-retrieval: the passages of the team's datasets that fit a question best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apps.workflows.engine.errors import MissingValue
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import Passage, RetrievalRequest
from apps.workflows.engine.variables import Source, as_text, parse_source, resolve
from apps.workflows.nodes.shapes import SOURCE, closed, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRetrievalConfig:
    """What to look for, where and how; `min_score` applies to the raw similarity."""

    query: str
    datasets: Sequence[str]
    method: str = "hybrid"
    top_k: int = 5
    min_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRetrieval:
    """Asks the retrieval port; every field of a passage becomes part of `result`."""

    config: KnowledgeRetrievalConfig
    query: Source

    async def run(self, context: NodeContext) -> NodeResult:
        query = as_text(resolve(self.query, context.values)).strip()
        context.inputs = {"query": query}
        if not query:
            raise MissingValue(self.config.query)
        config = self.config
        request = RetrievalRequest(
            query=query,
            datasets=tuple(config.datasets),
            method=config.method,
            top_k=config.top_k,
            min_score=config.min_score,
        )
        context.process = {
            "datasets": list(config.datasets),
            "method": config.method,
            "top_k": config.top_k,
            "min_score": config.min_score,
        }
        passages = await context.ports.retrieval.retrieve(request)
        context.process = {
            **context.process,
            "hits": [{"chunk_id": p.chunk_id, "score": p.score, "scores": dict(p.scores)} for p in passages],
        }
        return NodeResult(outputs={"result": [_as_json(passage) for passage in passages]})


def _as_json(passage: Passage) -> dict[str, Any]:
    return {**asdict(passage), "scores": dict(passage.scores), "heading_path": list(passage.heading_path)}


def _compile(config: Config) -> KnowledgeRetrieval:
    typed = KnowledgeRetrievalConfig(**config)
    return KnowledgeRetrieval(config=typed, query=parse_source(typed.query))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"result"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/query", config["query"])


KNOWLEDGE_RETRIEVAL = NodeType(
    name="knowledge-retrieval",
    schema=closed(
        {
            "query": SOURCE,
            "datasets": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            "method": {"enum": ["hybrid", "semantic", "full_text"], "default": "hybrid"},
            "top_k": {"type": "integer", "minimum": 1, "maximum": 50, "default": 5},
            "min_score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        },
        required=["query", "datasets"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
