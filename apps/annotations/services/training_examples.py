"""What was found becomes an example: with instructions, calls of tools and what was said before, and masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.annotations.selectors.training_sources import Found
from apps.annotations.training.example import Example, dialogue, with_tools
from apps.traces.masking.masker import Masker
from apps.traces.selectors.policies import policies_of
from apps.traces.selectors.traces import open_span, payload_of, thoughts_of, trace_of_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the trace of an answer says about how it was made."""

    system: str = ""
    calls: tuple[tuple[str, Mapping[str, Any], str], ...] = ()


def make_example(found: Found, *, recipe: Mapping[str, Any], team_id: UUID) -> Example:
    """The example, without anything that must not be in it."""
    told = _recorded(found, team_id=team_id) if recipe["with_tools"] or recipe["system"] == "recorded" else Recorded()
    system = recipe["system_prompt"] if recipe["system"] == "own" else ""
    example = dialogue(
        found.question,
        answer=found.answer,
        rejected=found.rejected,
        system=told.system if recipe["system"] == "recorded" else system,
        earlier=[pair for pair in found.earlier if pair[0].strip() and pair[1].strip()],
    )
    if recipe["with_tools"]:
        example = with_tools(example, calls=told.calls)
    policy = policies_of(team_id).of(found.application_id)
    own = Masker(personal=recipe["personal"])
    return example.masked(own.value).masked(policy.masker.value)


def _recorded(found: Found, *, team_id: UUID) -> Recorded:
    if found.run_id is None:
        return Recorded()
    trace = trace_of_run(found.run_id, team_ids=[team_id])
    if trace is None:
        return Recorded()
    thoughts = thoughts_of(trace)
    calls = tuple(
        (each.tool, each.tool_input if isinstance(each.tool_input, dict) else {}, each.observation)
        for each in thoughts
        if each.tool
    )
    if not thoughts:
        return Recorded(calls=calls)
    payload = payload_of(open_span(thoughts[-1].span_id, trace=trace))
    return Recorded(calls=calls, system=_instructions(payload.process.get("messages") if payload else None))


def _instructions(messages: Any) -> str:
    """The text of the system message that the model was sent."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        return ""
    for each in messages:
        if isinstance(each, Mapping) and each.get("role") == "system":
            text = each.get("text") or each.get("content") or ""
            return text if isinstance(text, str) else ""
    return ""
