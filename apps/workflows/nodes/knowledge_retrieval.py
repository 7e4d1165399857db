"""knowledge-retrieval: the passages of the team's datasets that fit a question best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from apps.workflows.engine.errors import MissingValue
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use, own_keys
from apps.workflows.engine.ports import Passage, RetrievalRequest
from apps.workflows.engine.variables import Source, Template, Values, as_text, parse_source, resolve
from apps.workflows.nodes.keyed import text_or_constant
from apps.workflows.nodes.shapes import SOURCE, Schema, closed, uses

UNARY: Final = ("empty", "not_empty")
OPERATORS: Final = (
    *("contains", "not_contains", "starts_with", "ends_with", "is", "is_not", "in", "not_in"),
    *("=", "!=", ">", "<", ">=", "<=", "before", "after"),
    *UNARY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterCondition:
    """A condition on a metadata field; `right` is a constant, or a text with values inserted."""

    name: str
    op: str
    right: Any = None

    def given(self, values: Values) -> dict[str, Any]:
        """As the retrieval port takes it."""
        if self.op in UNARY:
            return {"name": self.name, "op": self.op}
        right = self.right.render(values) if isinstance(self.right, Template) else self.right
        return {"name": self.name, "op": self.op, "value": right}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that the author wrote, or a model that makes them of the question."""

    logical: str = "and"
    conditions: tuple[FilterCondition, ...] = ()
    model: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> Filters:
        """The filters of a document; none without any."""
        if given is None:
            return cls()
        if given.get("mode") == "automatic":
            return cls(model=given.get("model", ""))
        conditions = [
            FilterCondition(name=each["name"], op=each["op"], right=text_or_constant(each.get("right")))
            for each in given.get("conditions", ())
        ]
        return cls(logical=given.get("logical", "and"), conditions=tuple(conditions))

    def given(self, values: Values) -> dict[str, Any] | None:
        """As the retrieval port takes them; None where nothing is filtered by hand."""
        if not self.conditions:
            return None
        return {"logical": self.logical, "conditions": [each.given(values) for each in self.conditions]}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRetrieval:
    """Asks the retrieval port; every field of a passage becomes part of `result`."""

    query: Source
    path: str
    datasets: Sequence[str]
    options: Mapping[str, Any]
    filters: Filters

    async def run(self, context: NodeContext) -> NodeResult:
        query = as_text(resolve(self.query, context.values)).strip()
        context.inputs = {"query": query}
        if not query:
            raise MissingValue(self.path)
        filters = self.filters.given(context.values)
        request = RetrievalRequest(
            query=query,
            datasets=tuple(self.datasets),
            filters=filters,
            filter_model=self.filters.model,
            **self.options,
        )
        asked = {"datasets": list(self.datasets), **self.options, **({"filters": filters} if filters else {})}
        context.process = asked
        found = await context.ports.retrieval.retrieve(request)
        told = {
            "filters": dict(found.filters or {}),
            "reranked": found.reranked,
            "notes": [dict(note) for note in found.notes],
        }
        context.process = {
            **asked,
            "method": found.method,
            **{key: value for key, value in told.items() if value},
            "hits": [{"chunk_id": p.chunk_id, "score": p.score, "scores": dict(p.scores)} for p in found.passages],
        }
        return NodeResult(outputs={"result": [_as_json(passage) for passage in found.passages]})


def _as_json(passage: Passage) -> dict[str, Any]:
    values = {**asdict(passage), "scores": dict(passage.scores), "heading_path": list(passage.heading_path)}
    if not passage.is_external:
        # Documents of ours are opened by their ids.
        del values["url"], values["is_external"]
    return values


def _compile(config: Config) -> KnowledgeRetrieval:
    options = {key: config[key] for key in _OPTIONS if config.get(key) is not None}
    if isinstance(options.get("rerank"), Mapping):
        options["rerank"] = own_keys(options["rerank"])
    return KnowledgeRetrieval(
        query=parse_source(config["query"]),
        path=config["query"],
        datasets=config["datasets"],
        options=options,
        filters=Filters.parse(config.get("filters")),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"result"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/query", config["query"])
    for place, condition in enumerate((config.get("filters") or {}).get("conditions", ())):
        right = condition.get("right")
        if isinstance(right, str) and "{{" in right:
            yield from uses(f"/filters/conditions/{place}/right", right)


_OPTIONS: Final = ("method", "top_k", "min_score", "lexical_weight", "fusion", "rerank", "token_budget")
_CONDITION: Final[Schema] = closed(
    {"name": {"type": "string", "minLength": 1, "maxLength": 100}, "op": {"enum": list(OPERATORS)}, "right": {}},
    required=["name", "op"],
    more={
        "if": {"properties": {"op": {"enum": [op for op in OPERATORS if op not in UNARY]}}, "required": ["op"]},
        "then": {"required": ["right"]},
    },
)
_FILTERS: Final[Schema] = closed(
    {
        "mode": {"enum": ["manual", "automatic"], "default": "manual"},
        "logical": {"enum": ["and", "or"], "default": "and"},
        "conditions": {"type": "array", "maxItems": 20, "items": _CONDITION},
        "model": {"type": "string", "minLength": 1, "maxLength": 200},
    },
)
_RERANK: Final[Schema] = closed(
    {
        "model": {"type": "string", "minLength": 1, "maxLength": 200},
        "timeout": {"type": "number", "minimum": 0.1, "maximum": 60, "default": 5},
        "candidates": {"type": "integer", "minimum": 2, "maximum": 200, "default": 40},
    },
    required=["model"],
)

KNOWLEDGE_RETRIEVAL = NodeType(
    name="knowledge-retrieval",
    schema=closed(
        {
            "query": SOURCE,
            "datasets": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            "method": {"enum": ["hybrid", "semantic", "full_text"]},
            "top_k": {"type": "integer", "minimum": 1, "maximum": 50},
            "min_score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "lexical_weight": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "fusion": {"enum": ["weighted", "rrf"]},
            "rerank": {"anyOf": [{"type": "boolean"}, _RERANK]},
            "filters": _FILTERS,
            "token_budget": {"type": ["integer", "null"], "minimum": 100, "maximum": 1_000_000},
        },
        required=["query", "datasets"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
