"""variable-aggregator: the first value that is there, to join branches of which only some have run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import Reference, Values, is_empty
from apps.workflows.nodes.shapes import NAME, REFERENCE, closed, escape


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableAggregatorConfig:
    """Either `variables`, which gives `output`, or `groups`, each of which gives an output of its own name."""

    variables: Sequence[str] | None = None
    groups: Mapping[str, Sequence[str]] | None = None

    def named(self) -> dict[str, Sequence[str]]:
        """Output name -> the references to try, in order."""
        return dict(self.groups) if self.groups is not None else {"output": self.variables or ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableAggregator:
    """Takes the first value of each group that says something; null when none does."""

    groups: tuple[tuple[str, tuple[Reference, ...]], ...]

    async def run(self, context: NodeContext) -> NodeResult:
        outputs: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        for name, references in self.groups:
            found = _first(references, context.values)
            outputs[name] = None if found is None else context.values.get(found)
            if found is not None:
                chosen[name] = found.path
        context.process = {"chosen": chosen}
        return NodeResult(outputs=outputs)


def _first(references: Sequence[Reference], values: Values) -> Reference | None:
    return next((reference for reference in references if not is_empty(values.get(reference))), None)


def _compile(config: Config) -> VariableAggregator:
    named = VariableAggregatorConfig(**config).named()
    return VariableAggregator(groups=tuple((name, tuple(map(Reference.parse, paths))) for name, paths in named.items()))


def _outputs(config: Config) -> frozenset[str]:
    return frozenset(VariableAggregatorConfig(**config).named())


def _uses(config: Config) -> Iterator[Use]:
    for place, path in enumerate(config.get("variables") or ()):
        yield Use(pointer=f"/variables/{place}", reference=Reference.parse(path), optional=True)
    for name, paths in (config.get("groups") or {}).items():
        for place, path in enumerate(paths):
            pointer = f"/groups/{escape(name)}/{place}"
            yield Use(pointer=pointer, reference=Reference.parse(path), optional=True)


_REFERENCES = {"type": "array", "items": REFERENCE, "minItems": 1}

VARIABLE_AGGREGATOR = NodeType(
    name="variable-aggregator",
    schema=closed(
        {
            "variables": _REFERENCES,
            "groups": {
                "type": "object",
                "propertyNames": NAME,
                "additionalProperties": _REFERENCES,
                "minProperties": 1,
            },
        },
        more={"oneOf": [{"required": ["variables"]}, {"required": ["groups"]}]},
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
