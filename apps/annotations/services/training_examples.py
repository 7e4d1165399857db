"""What was found becomes an example: with instructions, calls of tools and what was said before, and masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.annotations.selectors.training_sources import Found
from apps.annotations.training.example import Example, dialogue, with_tools
from apps.annotations.training.recorded import Recorded, definitions_of, instructions_of, step_of
from apps.traces.masking.masker import Masker
from apps.traces.selectors.policies import policies_of
from apps.traces.selectors.traces import open_span, payload_of, thoughts_of, trace_of_run


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
        example = with_tools(example, steps=told.steps, offered=told.offered)
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
    if not thoughts:
        return Recorded()
    steps = [
        step_of(tool=each.tool, tool_input=each.tool_input, observation=each.observation, said=each.thought)
        for each in thoughts
    ]
    payload = payload_of(open_span(thoughts[-1].span_id, trace=trace))
    process = payload.process if payload else {}
    return Recorded(
        steps=tuple(each for each in steps if each is not None),
        system=instructions_of(process.get("messages")),
        offered=definitions_of(process.get("tools")),
    )
