"""How often reviewers answered a question the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from apps.annotations.workbench.answers import Question, Value, same


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Pairs of answers to the same item, and how many of them say the same."""

    items: int
    pairs: int
    same: int

    @property
    def percent(self) -> float | None:
        """Of all pairs; None where there are none."""
        return 100 * self.same / self.pairs if self.pairs else None


def agreement_of(question: Question, units: Sequence[Mapping[str, Value]]) -> Agreement:
    """Counted over all pairs of reviewers of an item; `units` holds reviewer -> answer for each item."""
    pairs = equal = items = 0
    for unit in units:
        if len(unit) < 2:
            continue
        items += 1
        for one, other in combinations(unit.values(), 2):
            pairs += 1
            equal += same(question, (one, other))
    return Agreement(items=items, pairs=pairs, same=equal)
