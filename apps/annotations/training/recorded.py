"""What a trace tells of an agent's way to its answer: instructions, tools that were offered, and steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.annotations.training.example import ToolCall, ToolStep

#: What stands between the names of tools that were called at once.
_AND = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the trace of an answer says about how it was made."""

    system: str = ""
    steps: tuple[ToolStep, ...] = ()
    #: Definitions: `name`, `description`, `parameters`.
    offered: tuple[Mapping[str, Any], ...] = ()


def step_of(*, tool: str, tool_input: Any, observation: str, said: str = "") -> ToolStep | None:
    """A step with tools as it is recorded: one call as it is, several under `calls`; None where none was made."""
    if not tool:
        return None
    names = tool.split(_AND)
    if len(names) == 1:
        arguments = tool_input if isinstance(tool_input, Mapping) else {}
        return ToolStep(calls=(ToolCall(tool=tool, arguments=arguments, outcome=observation),), said=said)
    given = tool_input.get("calls") if isinstance(tool_input, Mapping) else None
    inputs = [each.get("input") if isinstance(each, Mapping) else None for each in given or ()]
    inputs += [None] * (len(names) - len(inputs))
    outcomes = _apart(observation, names)
    return ToolStep(
        calls=tuple(
            ToolCall(tool=name, arguments=arguments if isinstance(arguments, Mapping) else {}, outcome=outcome)
            for name, arguments, outcome in zip(names, inputs, outcomes, strict=False)
        ),
        said=said,
    )


def instructions_of(messages: Any) -> str:
    """The text of the system message that the model was sent."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        return ""
    for each in messages:
        if isinstance(each, Mapping) and each.get("role") in ("system", "developer"):
            text = each.get("text") or each.get("content") or ""
            return text if isinstance(text, str) else ""
    return ""


def definitions_of(tools: Any) -> tuple[Mapping[str, Any], ...]:
    """The tools that were offered, as far as they are defined; programs elsewhere wrap them as `function`."""
    if not isinstance(tools, Sequence) or isinstance(tools, str):
        return ()
    opened = [each.get("function", each) if isinstance(each, Mapping) else None for each in tools]
    return tuple(
        each
        for each in opened
        if isinstance(each, Mapping) and each.get("name") and isinstance(each.get("parameters"), Mapping)
    )


def _apart(observation: str, names: Sequence[str]) -> list[str]:
    """What came of each of several calls: every outcome begins with the name of its tool, after an empty line."""
    outcomes: list[str] = []
    rest = observation.removeprefix(f"{names[0]}: ")
    for name in names[1:]:
        outcome, found, rest = rest.partition(f"\n\n{name}: ")
        outcomes.append(outcome)
        if not found:
            rest = ""
    return [*outcomes, rest]
