"""How far reviewers answered a question the same: the share of pairs, and the coefficients beyond chance. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from apps.annotations.statistics import cohens_kappa, fleiss_kappa, krippendorff_alpha
from apps.annotations.workbench.answers import Kind, Question, Value, same


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Pairs of answers to the same item, and how many of them say the same."""

    items: int
    pairs: int
    same: int
    #: Cohen's kappa, where all items were judged by the same two people.
    cohen: float | None = None
    #: Fleiss' kappa, where all items were judged by equally many.
    fleiss: float | None = None
    #: Krippendorff's alpha; numbers count by their distance.
    alpha: float | None = None

    @property
    def percent(self) -> float | None:
        """Of all pairs; None where there are none."""
        return 100 * self.same / self.pairs if self.pairs else None

    @property
    def coefficients(self) -> tuple[float | None, ...]:
        """Beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha; None where one is not defined."""
        return self.cohen, self.fleiss, self.alpha


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
    judged = [unit for unit in units if len(unit) > 1]
    labels = [list(unit.values()) for unit in judged]
    numeric = question.kind is Kind.NUMERIC
    return Agreement(
        items=items,
        pairs=pairs,
        same=equal,
        cohen=_cohen(judged),
        fleiss=fleiss_kappa(labels).value if len({len(unit) for unit in labels}) == 1 and not numeric else None,
        alpha=krippendorff_alpha(labels, level="interval" if numeric else "nominal").value,
    )


def _cohen(judged: Sequence[Mapping[str, Value]]) -> float | None:
    people = sorted({person for unit in judged for person in unit})
    if len(people) != 2:
        return None
    first, second = people
    return cohens_kappa([(unit[first], unit[second]) for unit in judged]).value
