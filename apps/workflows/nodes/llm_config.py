"""How an llm node is configured: its typed form and its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.node import Config, own_keys
from apps.workflows.nodes.shapes import REFERENCE, SOURCE, TEXT, Schema, closed


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShot:
    """Show the model `k` approved answers to questions like `query`, as earlier turns or in the system message."""

    k: int
    query: str = "sys.query"
    place: str = "turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmConfig:
    """`model` holds the name and the parameters; `context` is the reference that `{{ context }}` shows."""

    model: Mapping[str, Any]
    prompt: Sequence[Mapping[str, str]]
    context: str | None = None
    memory: Mapping[str, int] | None = None
    few_shot: FewShot | None = None

    @classmethod
    def parse(cls, config: Config) -> LlmConfig:
        few_shot = config.get("few_shot")
        return cls(
            model=own_keys(config["model"]),
            prompt=config["prompt"],
            context=config.get("context"),
            memory=config.get("memory"),
            few_shot=None if few_shot is None else FewShot(**own_keys(few_shot)),
        )


_PENALTY: Schema = {"type": "number", "minimum": -2, "maximum": 2}

LLM_SCHEMA: Schema = closed(
    {
        "model": closed(
            {
                "name": {"type": "string", "minLength": 1, "maxLength": 200},
                "temperature": {"type": "number", "minimum": 0, "maximum": 2},
                "top_p": {"type": "number", "minimum": 0, "maximum": 1},
                "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "presence_penalty": _PENALTY,
                "frequency_penalty": _PENALTY,
                "seed": {"type": "integer"},
                "stop": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 4},
            },
            required=["name"],
        ),
        "prompt": {
            "type": "array",
            "minItems": 1,
            "items": closed(
                {"role": {"enum": ["system", "user", "assistant"]}, "text": TEXT}, required=["role", "text"]
            ),
        },
        "context": REFERENCE,
        "memory": closed({"window": {"type": "integer", "minimum": 1, "maximum": 100}}, required=["window"]),
        "few_shot": closed(
            {
                "k": {"type": "integer", "minimum": 1, "maximum": 20},
                "query": SOURCE,
                "place": {"enum": ["turns", "system"], "default": "turns"},
            },
            required=["k"],
        ),
    },
    required=["model", "prompt"],
)
