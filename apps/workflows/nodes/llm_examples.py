"""Choose the approved answers that an llm node shows to its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import Example
from apps.workflows.engine.variables import Source, as_text, resolve

#: So many times more than wanted are looked at where a budget may leave some out.
SPARE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many examples of what a node wants (none: `k` is 0)."""

    k: int
    query: Source
    in_system: bool
    token_budget: int | None
    min_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The examples that are shown, nearest first, and how many did not fit into the budget."""

    examples: Sequence[Example] = ()
    too_long: int = 0
    token_budget: int | None = None

    def process(self) -> dict[str, Any]:
        """What the trace tells of it."""
        if not self.examples and not self.too_long:
            return {"examples": []}
        shown = [
            {"id": each.id, "question": each.question, "score": each.score}
            | ({"tokens": each.tokens} if each.tokens else {})
            for each in self.examples
        ]
        if self.token_budget is None:
            return {"examples": shown}
        used = sum(each.tokens for each in self.examples)
        budget = {"tokens": self.token_budget, "used": used, "too_long": self.too_long}
        return {"examples": shown, "examples_budget": budget}


async def choose_examples(wanted: Wanted, context: NodeContext, *, model: str) -> Chosen:
    """Ask for the nearest ones and take those that fit, nearest first."""
    query = as_text(resolve(wanted.query, context.values)).strip() if wanted.k else ""
    if not query:
        return Chosen()
    budget = wanted.token_budget
    if budget is None:
        found = await context.ports.examples.similar(query, k=wanted.k)
    else:
        found = await context.ports.examples.similar(query, k=wanted.k * SPARE, model=model)
    near = [each for each in found if each.score >= wanted.min_score]
    return _within(near, k=wanted.k, budget=budget)


def _within(found: Sequence[Example], *, k: int, budget: int | None) -> Chosen:
    """At most k; one that is too long for what is left makes room for the next."""
    if budget is None:
        return Chosen(examples=found[:k])
    taken: list[Example] = []
    left, too_long = budget, 0
    for each in found:
        if len(taken) == k:
            break
        if each.tokens > left:
            too_long += 1
            continue
        taken.append(each)
        left -= each.tokens
    return Chosen(examples=taken, too_long=too_long, token_budget=budget)
