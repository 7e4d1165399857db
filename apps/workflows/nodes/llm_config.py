"""How an llm node is configured: its typed form and its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.node import Config, own_keys
from apps.workflows.nodes.asking import VISION
from apps.workflows.nodes.model_parameters import MODEL
from apps.workflows.nodes.sandboxed import INPUTS
from apps.workflows.nodes.shapes import REFERENCE, SOURCE, TEXT, Schema, closed


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShot:
    """Show the model `k` approved answers to questions like `query`, as earlier turns or in the system message.

    Together they take at most `token_budget` of the model's tokens; those less like the question than `min_score`
    (a cosine) are left out.
    """

    k: int
    query: str = "sys.query"
    place: str = "turns"
    token_budget: int | None = None
    min_score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """Show `window` earlier turns; `query` is what then stands last, the prefixes name who speaks in a transcript."""

    window: int
    query: str | None = None
    user_prefix: str = "Human"
    assistant_prefix: str = "Assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """The reply must be JSON of this schema; `strict` asks the provider to keep to it by itself."""

    schema: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmConfig:
    """`model` holds the name and the parameters; `context` is the reference that `{{ context }}` shows."""

    model: Mapping[str, Any]
    prompt: Sequence[Mapping[str, Any]]
    context: str | None = None
    memory: MemoryConfig | None = None
    few_shot: FewShot | None = None
    vision: Mapping[str, Any] | None = None
    structured: Structured | None = None
    reasoning: str = "separated"

    @classmethod
    def parse(cls, config: Config) -> LlmConfig:
        few_shot, memory, structured = (config.get(name) for name in ("few_shot", "memory", "structured"))
        return cls(
            model=config["model"],
            prompt=config["prompt"],
            context=config.get("context"),
            memory=None if memory is None else MemoryConfig(**own_keys(memory)),
            few_shot=None if few_shot is None else FewShot(**own_keys(few_shot)),
            vision=config.get("vision"),
            structured=None if structured is None else Structured(**own_keys(structured)),
            reasoning=config.get("reasoning", "separated"),
        )


_PREFIX: Schema = {"type": "string", "minLength": 1, "maxLength": 100}

LLM_SCHEMA: Schema = closed(
    {
        "model": MODEL,
        "prompt": {
            "type": "array",
            "minItems": 1,
            "items": closed(
                {
                    "role": {"enum": ["system", "user", "assistant"]},
                    "text": TEXT,
                    "jinja": {"type": "boolean", "default": False},
                    "variables": INPUTS,
                },
                required=["role", "text"],
            ),
        },
        "context": REFERENCE,
        "memory": closed(
            {
                "window": {"type": "integer", "minimum": 1, "maximum": 100},
                "query": TEXT,
                "user_prefix": _PREFIX,
                "assistant_prefix": _PREFIX,
            },
            required=["window"],
        ),
        "few_shot": closed(
            {
                "k": {"type": "integer", "minimum": 1, "maximum": 20},
                "query": SOURCE,
                "place": {"enum": ["turns", "system"], "default": "turns"},
                "token_budget": {"type": "integer", "minimum": 1, "maximum": 200_000},
                "min_score": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
            },
            required=["k"],
        ),
        "vision": VISION,
        "structured": closed(
            {"schema": {"type": "object", "minProperties": 1}, "strict": {"type": "boolean", "default": False}},
            required=["schema"],
        ),
        "reasoning": {"enum": ["separated", "tagged"], "default": "separated"},
    },
    required=["model", "prompt"],
)
