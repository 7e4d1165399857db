"""Reading calibrations: how far an evaluator agrees with people, and where it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.annotations.models import Calibration, CalibrationCase
from apps.annotations.selectors.reasons import Reason, reason_of
from apps.annotations.statistics import Interval, alpha_interval, bootstrap_interval, cohens_kappa, wilson_interval
from support.errors import NotFound

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How a judge and people agree on the answers that both judged."""

    judged: int
    unjudged: int
    #: People passed it and the judge did; people only; the judge only; neither.
    both: int
    people_only: int
    judge_only: int
    neither: int
    #: Share of the same verdicts.
    agreed: Interval | None
    #: Cohen's kappa of passed or not. None: not defined, as when all verdicts are the same.
    kappa: Interval | None
    #: Krippendorff's alpha of the scores (interval level).
    alpha: Interval | None


def calibrations_of(team_ids: Iterable[UUID]) -> QuerySet[Calibration]:
    """The teams' calibrations, newest first."""
    found = Calibration.objects.filter(team_id__in=list(team_ids))
    return found.select_related("evaluator", "config", "created_by", "team").order_by("-id")


def open_calibration(calibration_id: UUID, *, team_ids: Iterable[UUID]) -> Calibration:
    """The one door to a calibration. Raises NotFound."""
    found = calibrations_of(team_ids).filter(id=calibration_id).first()
    if found is None:
        raise NotFound("There is no such calibration in your teams.")
    return found


def trust_in(calibration: Calibration) -> Trust:
    """The figures, counted now (one query)."""
    rows = list(calibration.cases.filter(is_judged=True).values_list("human_passed", "passed", "human_score", "score"))
    known: list[tuple[bool, bool, float, float]] = [
        (human, bool(judge), human_score, score) for human, judge, human_score, score in rows if score is not None
    ]
    verdicts = [(human, judge) for human, judge, _human_score, _score in known]
    counts = {pair: verdicts.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))}

    def kappa(pairs: Any) -> float | None:
        return cohens_kappa([(int(human), int(judge)) for human, judge in pairs]).value

    return Trust(
        judged=len(known),
        unjudged=len(rows) - len(known),
        both=counts[True, True],
        people_only=counts[True, False],
        judge_only=counts[False, True],
        neither=counts[False, False],
        agreed=wilson_interval(counts[True, True] + counts[False, False], len(known)),
        kappa=bootstrap_interval(verdicts, kappa, rounds=1_000),
        alpha=alpha_interval([[human, score] for *_verdict, human, score in known], level="interval", rounds=500),
    )


def disagreements(calibration: Calibration) -> list[CalibrationCase]:
    """Answers that people and the judge see differently."""
    found = calibration.cases.filter(is_judged=True)
    differing = found.filter(human_passed=True, passed=False) | found.filter(human_passed=False, passed=True)
    return list(differing.order_by("position")[:MOST_SHOWN])


def unjudged(calibration: Calibration) -> list[tuple[Reason, list[CalibrationCase]]]:
    """Answers that the judge could not judge, those for the same reason together."""
    found: dict[str, tuple[Reason, list[CalibrationCase]]] = {}
    for case in calibration.cases.filter(is_judged=True, score=None).order_by("position"):
        if (reason := reason_of(case)) is not None:
            found.setdefault(reason.words, (reason, []))[1].append(case)
    return sorted(found.values(), key=lambda each: -len(each[1]))
