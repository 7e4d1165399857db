"""How far people who judged the same things agree beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha.

A value is None where the coefficient is not defined: nothing was judged twice, or everybody gave one and the
same answer to everything, so that chance alone would have them agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

#: An answer to a question: a category's name, a boolean or a number.
Label = str | bool | int | float
Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One person's answer about one item."""

    item: Hashable
    rater: Hashable
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A coefficient and what it was made of."""

    #: 1: always the same, 0: as chance would have it, below 0: worse than chance. None: not defined.
    value: float | None
    #: Things that at least two people judged.
    items: int
    #: Share of agreement seen; for alpha, one minus the disagreement seen (both weighted).
    observed: float
    #: The same by chance.
    expected: float


def units_of(ratings: Iterable[Rating]) -> list[list[Label]]:
    """The answers of each item that two or more people judged; items in the order of their first answer."""
    found: dict[Hashable, dict[Hashable, Label]] = {}
    for each in ratings:
        found.setdefault(each.item, {})[each.rater] = each.label
    return [list(answers.values()) for answers in found.values() if len(answers) > 1]


def pairs_of(ratings: Iterable[Rating], *, first: Hashable, second: Hashable) -> list[tuple[Label, Label]]:
    """What two people said about the items that both judged."""
    found: dict[Hashable, dict[Hashable, Label]] = {}
    for each in ratings:
        if each.rater in (first, second):
            found.setdefault(each.item, {})[each.rater] = each.label
    return [(both[first], both[second]) for both in found.values() if len(both) == 2]


def cohens_kappa(
    pairs: Iterable[tuple[Label, Label]], *, weights: Weights = "none", order: Sequence[Label] | None = None
) -> Agreement:
    """Agreement of two people. Weighted kappa counts how far apart they are in `order` (by default: sorted)."""
    seen = Counter(pairs)
    total = seen.total()
    if not total:
        return Agreement(value=None, items=0, observed=0.0, expected=0.0)
    left: Counter[Label] = Counter()
    right: Counter[Label] = Counter()
    for (a, b), count in seen.items():
        left[a] += count
        right[b] += count
    distance = _distance({*left, *right}, weights=weights, order=order)
    seen_apart = sum(count * distance(a, b) for (a, b), count in seen.items()) / total
    chance_apart = sum(left[a] * right[b] * distance(a, b) for a in left for b in right) / total**2
    value = 1 - seen_apart / chance_apart if chance_apart else None
    return Agreement(value=value, items=total, observed=1 - seen_apart, expected=1 - chance_apart)


def fleiss_kappa(units: Iterable[Sequence[Label]]) -> Agreement:
    """Agreement of any number of people on categories, each item judged by equally many.

    Raises ValueError when items were judged by different numbers of people: alpha is made for those.
    """
    counted = [Counter(unit) for unit in units]
    sizes = {each.total() for each in counted}
    if not counted or sizes == {1}:
        return Agreement(value=None, items=0, observed=0.0, expected=0.0)
    if len(sizes) > 1:
        raise ValueError("every item must be judged by the same number of people")
    raters = sizes.pop()
    agreed = sum(count * (count - 1) for each in counted for count in each.values())
    observed = agreed / (len(counted) * raters * (raters - 1))
    overall: Counter[Label] = sum(counted, Counter())
    judged = overall.total()
    only_one = len(overall) == 1
    expected = sum((count / judged) ** 2 for count in overall.values())
    value = None if only_one else (observed - expected) / (1 - expected)
    return Agreement(value=value, items=len(counted), observed=observed, expected=expected)


def krippendorff_alpha(
    units: Iterable[Sequence[Label]], *, level: Level = "nominal", order: Sequence[Label] | None = None
) -> Agreement:
    """Agreement of any number of people, with answers missing as may be. Items judged once do not count.

    `ordinal` ranks the answers in `order` (by default: sorted); `interval` needs numbers.
    """
    counted = [Counter(unit) for unit in units if len(unit) > 1]
    if not counted:
        return Agreement(value=None, items=0, observed=0.0, expected=0.0)
    overall: Counter[Label] = sum(counted, Counter())
    judged = overall.total()
    apart = _metric(overall, level=level, order=order)
    seen = sum(_spread(unit, apart) / (unit.total() - 1) for unit in counted) / judged
    chance = _spread(overall, apart) / (judged * (judged - 1))
    value = 1 - seen / chance if chance else None
    return Agreement(value=value, items=len(counted), observed=1 - seen, expected=1 - chance)


def _spread(counts: Mapping[Label, int], apart: Callable[[Label, Label], float]) -> float:
    """The sum of distances over all ordered pairs of answers."""
    labels = list(counts)
    one_way = sum(counts[a] * counts[b] * apart(a, b) for place, a in enumerate(labels) for b in labels[place + 1 :])
    return 2 * one_way


def _distance(
    labels: set[Label], *, weights: Weights, order: Sequence[Label] | None
) -> Callable[[Label, Label], float]:
    """How far apart two answers are, 1 being the farthest that the order has."""
    if weights == "none":
        return lambda a, b: float(a != b)
    place = _places(labels, order)
    farthest = max(len(place) - 1, 1)
    power = 1 if weights == "linear" else 2
    return lambda a, b: (abs(place[a] - place[b]) / farthest) ** power


def _metric(
    overall: Mapping[Label, int], *, level: Level, order: Sequence[Label] | None
) -> Callable[[Label, Label], float]:
    """Krippendorff's squared difference of two answers."""
    if level == "nominal":
        return lambda a, b: float(a != b)
    if level == "interval":
        return lambda a, b: (float(a) - float(b)) ** 2
    place = _places(set(overall), order)
    # The rank of an answer is the middle of the places that its answers take when all are put in a row.
    middle: dict[Label, float] = {}
    before = 0
    for label in place:
        middle[label] = before + overall.get(label, 0) / 2
        before += overall.get(label, 0)
    return lambda a, b: (middle[a] - middle[b]) ** 2


def _places(labels: set[Label], order: Sequence[Label] | None) -> dict[Label, int]:
    row: Sequence[Label] = sorted(labels, key=_sortable) if order is None else order
    place = {label: index for index, label in enumerate(row)}
    unknown = labels - place.keys()
    if unknown:
        raise ValueError(f"not in the order: {sorted(map(str, unknown))}")
    return place


def _sortable(label: Label) -> tuple[int, float, str]:
    return (1, 0.0, label) if isinstance(label, str) else (0, float(label), "")
