"""trigger-schedule: a run begins when it is time; gives the time it was due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.nodes.shapes import Schema, closed
from apps.workflows.nodes.trigger_webhook import TRIGGERED

_OUTPUTS: Final = ("due_at", "timezone", "missed")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSchedule:
    """Gives when the run was due, on the clock of its place, and how many runs were missed before it."""

    async def run(self, context: NodeContext) -> NodeResult:
        given = context.values.get(TRIGGERED)
        held: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        outputs = {name: held.get(name) for name in _OUTPUTS}
        context.inputs = outputs
        return NodeResult(outputs=outputs)


def _compile(_config: Config) -> TriggerSchedule:
    return TriggerSchedule()


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset(_OUTPUTS)


_DAY: Schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}]}

TRIGGER_SCHEDULE = NodeType(
    name="trigger-schedule",
    schema=closed(
        {
            "cron": {"type": "string", "minLength": 9, "maxLength": 200},
            "every": {"enum": ["hour", "day", "week", "month"]},
            "minute": {"type": "integer", "minimum": 0, "maximum": 59},
            "at": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
            "weekdays": {"type": "array", "items": {"enum": list(_WEEKDAYS)}, "minItems": 1, "uniqueItems": True},
            "days": {"type": "array", "items": _DAY, "minItems": 1, "uniqueItems": True},
            "timezone": {"type": "string", "maxLength": 80, "default": "UTC"},
        },
        more={"oneOf": [{"required": ["cron"]}, {"required": ["every"]}]},
    ),
    compile=_compile,
    outputs=_outputs,
    entry=True,
)
