"""What experiments say in sum: figures with their intervals, and how two of them differ, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from apps.annotations.models import Experiment, ResultScore
from apps.annotations.statistics import (
    Comparison,
    Interval,
    compare_paired,
    holm,
    items_needed,
    mean_interval,
    wilson_interval,
)

LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one evaluator of an experiment says of all answers. Items without an answer count as nought."""

    place: int
    evaluator_id: str
    name: str
    kind: str
    pass_at: float
    #: Items that have a score, and those among them that passed.
    scored: int
    passed: int
    #: Items that the evaluator could not judge; they are in no figure.
    unscored: int
    #: None: nothing has a score yet.
    mean: Interval | None
    pass_rate: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the second of two experiments differs from the first in the eyes of one evaluator."""

    name: str
    kind: str
    first_place: int
    second_place: int
    #: Of the scores; `difference` is second minus first with its interval.
    scores: Comparison
    #: The same of passed or not, tested by McNemar.
    passes: Comparison
    #: `scores.p_value`, corrected by Holm for all the evaluators that were looked at.
    p_corrected: float
    #: How many items would tell a difference of this size; None: nobody can say.
    items_needed: int | None

    @property
    def is_significant(self) -> bool:
        """Whether chance is unlikely to have done it."""
        return self.p_corrected < LEVEL


def figures_of(experiment: Experiment) -> list[Figure]:
    """The figures of every evaluator, in their order (one query)."""
    by_place = _scores_of(experiment)
    return [_figure(place, spec, by_place.get(place, {})) for place, spec in enumerate(experiment.specs)]


def compare_experiments(first: Experiment, second: Experiment) -> list[Difference]:
    """Both on the items that both answered, for every evaluator that is the same in both (two queries).

    Evaluators are the same if neither settings nor threshold have changed; items if they ask and expect the same.
    """
    ours, theirs = _scores_of(first), _scores_of(second)
    found = [
        (spec, mine, other, pairs)
        for mine, spec in enumerate(first.specs)
        if (other := _same_in(second, spec)) is not None
        and (pairs := _pairs(ours.get(mine, {}), theirs.get(other, {})))
    ]
    compared = [compare_paired([(a, b) for (a, _), (b, _) in pairs]) for *_, pairs in found]
    corrected = holm([each.p_value for each in compared if each is not None])
    return [
        Difference(
            name=spec["name"],
            kind=spec["kind"],
            first_place=mine,
            second_place=other,
            scores=scores,
            passes=passes,
            p_corrected=p_value,
            items_needed=items_needed([b - a for (a, _), (b, _) in pairs]),
        )
        for (spec, mine, other, pairs), scores, p_value in zip(found, compared, corrected, strict=True)
        if scores is not None
        and (passes := compare_paired([(float(a), float(b)) for (_, a), (_, b) in pairs])) is not None
    ]


def fingerprint(spec: Mapping[str, Any]) -> bytes:
    """What two copies of an evaluator share if they judge alike."""
    facts = {name: spec[name] for name in ("id", "kind", "config", "pass_at")}
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


def _figure(place: int, spec: Mapping[str, Any], given: Mapping[UUID, tuple[float | None, bool]]) -> Figure:
    known = [(score, passed) for score, passed in given.values() if score is not None]
    passed = sum(each for _, each in known)
    return Figure(
        place=place,
        evaluator_id=spec["id"],
        name=spec["name"],
        kind=spec["kind"],
        pass_at=spec["pass_at"],
        scored=len(known),
        passed=passed,
        unscored=len(given) - len(known),
        mean=_mean_of([score for score, _ in known]),
        pass_rate=wilson_interval(passed, len(known)),
    )


def _mean_of(scores: Sequence[float]) -> Interval | None:
    """The mean with its interval. Scores of 0 and 1 are a share: five ones drawn again are always ones."""
    if set(scores) <= {0.0, 1.0}:
        return wilson_interval(round(sum(scores)), len(scores))
    return mean_interval(scores)


def _scores_of(experiment: Experiment) -> dict[int, dict[UUID, tuple[float | None, bool]]]:
    """place -> item -> (score, passed), by the numbers of the items: the same items always give the same interval."""
    rows = ResultScore.objects.filter(experiment=experiment).order_by("result__number", "place")
    found: dict[int, dict[UUID, tuple[float | None, bool]]] = {}
    for place, item_id, score, passed in rows.values_list("place", "result__item_id", "score", "passed"):
        found.setdefault(place, {})[item_id] = (score, bool(passed))
    return found


def _same_in(experiment: Experiment, spec: Mapping[str, Any]) -> int | None:
    wanted = fingerprint(spec)
    return next((place for place, each in enumerate(experiment.specs) if fingerprint(each) == wanted), None)


def _pairs(
    ours: Mapping[UUID, tuple[float | None, bool]], theirs: Mapping[UUID, tuple[float | None, bool]]
) -> Sequence[tuple[tuple[float, bool], tuple[float, bool]]]:
    both = [(first, theirs[item_id]) for item_id, first in ours.items() if item_id in theirs]
    return [((a, is_a), (b, is_b)) for (a, is_a), (b, is_b) in both if a is not None and b is not None]
