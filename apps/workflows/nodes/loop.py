"""loop: run the body again and again, with variables that live from round to round, until a condition holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Round, Use
from apps.workflows.engine.variables import Source, Values, parse_source, references_of, resolve
from apps.workflows.nodes.conditions import CONDITION, Conditions, compile_conditions, condition_uses
from apps.workflows.nodes.shapes import BODY, NAME, closed, escape

MAX_ROUNDS: Final = 1_000
#: What every loop knows besides its own variables: the number of the round, and whether a loop-end was reached.
_ROUND, _LEAVE = "round", "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """`variables` start anew with every run of the node; a `loop-end` inside the body sets `loop.leave`."""

    rounds: int
    variables: Mapping[str, Source | tuple[Any]]
    until: Conditions | None

    async def run(self, context: NodeContext) -> NodeResult:
        own = {name: _first(start, context) for name, start in self.variables.items()}
        context.inputs = dict(own)
        reason, count = "rounds", 0
        if self._holds_before(context, own):
            reason = "condition"
        else:
            for count in range(1, self.rounds + 1):
                state = {**own, _ROUND: count, _LEAVE: False}
                over = await context.world.round(Round(index=count - 1, values={"loop": state}, collect=self._holds))
                own = {name: state[name] for name in own}
                if state[_LEAVE] or over:
                    reason = "loop-end" if state[_LEAVE] else "condition"
                    break
        context.process = {"ended_by": reason, "rounds": count}
        return NodeResult(outputs={**own, "loop_round": count})

    def _holds(self, values: Values) -> bool:
        return self.until is not None and self.until.hold(values)

    def _holds_before(self, context: NodeContext, own: Mapping[str, Any]) -> bool:
        """Before the first round the condition may not make sense yet, and then does not hold."""
        try:
            return self._holds(context.values.inside({"loop": own}))
        except NodeFailure:
            return False


def _first(start: Source | tuple[Any], context: NodeContext) -> Any:
    return start[0] if isinstance(start, tuple) else resolve(start, context.values)


def _compile(config: Config) -> Loop:
    until = config.get("until")
    return Loop(
        rounds=config["rounds"],
        variables={name: _start(variable) for name, variable in (config.get("variables") or {}).items()},
        until=compile_conditions(until, config.get("logical", "and")) if until else None,
    )


def _start(variable: Mapping[str, Any]) -> Source | tuple[Any]:
    return parse_source(variable["from"]) if "from" in variable else (variable.get("value"),)


def _outputs(config: Config) -> frozenset[str]:
    return frozenset({*(config.get("variables") or {}), "loop_round"})


def _uses(config: Config) -> Iterator[Use]:
    for name, variable in (config.get("variables") or {}).items():
        if "from" in variable:
            for reference in references_of(parse_source(variable["from"])):
                yield Use(pointer=f"/variables/{escape(name)}/from", reference=reference)


def _round_names(config: Config) -> Mapping[str, frozenset[str] | None]:
    return {"loop": frozenset({*(config.get("variables") or {}), _ROUND, _LEAVE})}


def _inner_uses(config: Config) -> Iterator[Use]:
    yield from condition_uses("/until", config.get("until") or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopEnd:
    """Says that this round is the last."""

    async def run(self, _context: NodeContext) -> NodeResult:
        return NodeResult(outputs={}, writes={f"loop.{_LEAVE}": True})


LOOP = NodeType(
    name="loop",
    schema=closed(
        {
            "rounds": {"type": "integer", "minimum": 1, "maximum": MAX_ROUNDS},
            "body": BODY,
            "variables": {
                "type": "object",
                "propertyNames": {**NAME, "not": {"enum": [_ROUND, _LEAVE]}},
                "additionalProperties": closed(
                    {
                        "type": {"type": "string"},
                        "value": {},
                        "from": {"type": "string", "format": "reference-or-template", "minLength": 1},
                    }
                ),
            },
            "until": {"type": "array", "items": CONDITION},
            "logical": {"enum": ["and", "or"], "default": "and"},
        },
        required=["rounds", "body"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    container=True,
    round_names=_round_names,
    inner_uses=_inner_uses,
)
LOOP_END = NodeType(
    name="loop-end",
    schema=closed({}),
    compile=lambda _config: LoopEnd(),
    outputs=lambda _config: frozenset(),
)
