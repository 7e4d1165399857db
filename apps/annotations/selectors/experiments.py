"""Reading experiments: the doors to them and to evaluators, how far they are, and their results page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.annotations.models import Evaluator, Experiment, Result, ResultScore
from support.errors import NotFound

MOST_RESULTS = 200
#: `failed`: no answer. `missed`: an evaluator did not let it pass. `unscored`: one could not judge it. `worse`,
#: `better`: than the same item of the experiment it is compared with.
Shown = Literal["all", "failed", "missed", "passed", "unscored", "worse", "better", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an experiment is."""

    total: int
    waiting: int
    running: int
    answered: int
    failed: int
    left_out: int
    #: Answers that at least one evaluator could not judge; trying again may help.
    unscored: int

    @property
    def done(self) -> int:
        """Items that nothing more is to be done about."""
        return self.answered + self.failed + self.left_out

    @property
    def per_cent(self) -> int:
        """Only one with nothing left to do says 100."""
        return min(99, 100 * self.done // self.total) if self.done < self.total else 100

    @property
    def can_retry(self) -> bool:
        """Whether there is something that trying again could mend."""
        return bool(self.failed or self.left_out or self.unscored)


def experiments_of(team_ids: Iterable[UUID], *, application_id: UUID | None = None) -> QuerySet[Experiment]:
    """The teams' experiments, newest first, with app, version and set."""
    found = Experiment.objects.filter(team_id__in=list(team_ids))
    if application_id is not None:
        found = found.filter(application_id=application_id)
    related = found.select_related("application", "version", "golden_set", "created_by", "team")
    return related.defer("version__document").order_by("-id")


def open_experiment(experiment_id: UUID, *, team_ids: Iterable[UUID]) -> Experiment:
    """The one door to an experiment. Raises NotFound."""
    found = experiments_of(team_ids).select_related("baseline").filter(id=experiment_id).first()
    if found is None:
        raise NotFound("There is no such experiment in your teams.")
    return found


def comparable_with(experiment: Experiment) -> QuerySet[Experiment]:
    """Other experiments on the same set, newest first: those it makes sense to compare with."""
    others = experiments_of([experiment.team_id]).filter(golden_set_id=experiment.golden_set_id)
    return others.exclude(id=experiment.id).exclude(status__in=["queued", "running"])


def progress_of(experiment: Experiment) -> Progress:
    """How far it is, counted now (two queries)."""
    rows = Result.objects.filter(experiment=experiment).order_by().values_list("status").annotate(count=Count("id"))
    counts = dict(rows)
    unscored = ResultScore.objects.filter(experiment=experiment, score=None).values("result").distinct().count()
    return Progress(
        total=experiment.total,
        waiting=counts.get("waiting", 0),
        running=counts.get("running", 0),
        answered=counts.get("completed", 0),
        failed=counts.get("failed", 0),
        left_out=counts.get("left-out", 0),
        unscored=unscored,
    )


def results_of(
    experiment: Experiment,
    *,
    shown: Shown = "all",
    place: int | None = None,
    against: Experiment | None = None,
    after: int = 0,
    size: int = 50,
) -> list[Result]:
    """One page of results by number, those after `after`, with items and scores (two queries).

    `place` looks at one evaluator only; `worse` and `better` need `against`, and a place in both experiments.
    """
    found = Result.objects.filter(experiment=experiment, number__gt=after).select_related("item")
    if shown in ("worse", "better"):
        pairs = _differing(experiment, against, worse=shown == "worse", place=place)
        found = found.filter(Exists(pairs.filter(result=OuterRef("pk"))))
    else:
        found = _shown(found, shown=shown, place=place)
    return list(found.prefetch_related("scores").order_by("number")[: min(size, MOST_RESULTS)])


def open_result(experiment: Experiment, number: int) -> Result:
    """One result by the number of its item, with item and scores. Raises NotFound."""
    found = experiment.results.filter(number=number).select_related("item").prefetch_related("scores").first()
    if found is None:
        raise NotFound("The experiment has no such item.")
    return found


def counterpart(result: Result, *, in_experiment: Experiment) -> Result | None:
    """What another experiment on the same set says of the same item, if it asked it in the same words."""
    found = in_experiment.results.filter(item_id=result.item_id).select_related("item")
    return found.prefetch_related("scores").first()


def evaluators_of(team_ids: Iterable[UUID], *, with_archived: bool = False) -> QuerySet[Evaluator]:
    """The teams' evaluators by name."""
    found = Evaluator.objects.filter(team_id__in=list(team_ids)).order_by("name")
    return found if with_archived else found.filter(is_archived=False)


def open_evaluator(evaluator_id: UUID, *, team_ids: Iterable[UUID]) -> Evaluator:
    """The one door to an evaluator. Raises NotFound."""
    found = evaluators_of(team_ids, with_archived=True).filter(id=evaluator_id).first()
    if found is None:
        raise NotFound("There is no such evaluator in your teams.")
    return found


def place_of(experiment: Experiment, evaluator_id: str) -> int | None:
    """At which place an experiment has an evaluator."""
    return next((place for place, spec in enumerate(experiment.specs) if spec["id"] == evaluator_id), None)


def _shown(found: QuerySet[Result], *, shown: Shown, place: int | None) -> QuerySet[Result]:
    scores = ResultScore.objects.filter(result=OuterRef("pk"))
    if place is not None:
        scores = scores.filter(place=place)
    match shown:
        case "failed" | "waiting":
            return found.filter(status__in=["failed"] if shown == "failed" else ["waiting", "running"])
        case "missed":
            return found.filter(Exists(scores.filter(passed=False)))
        case "unscored":
            return found.filter(Exists(scores.filter(score=None)))
        case "passed":
            judged = found.filter(Exists(scores), status="completed")
            return judged.exclude(Exists(scores.filter(Q(passed=False) | Q(score=None))))
        case _:
            return found


def _differing(
    experiment: Experiment, against: Experiment | None, *, worse: bool, place: int | None
) -> QuerySet[ResultScore]:
    """Scores below (or above) those that the same evaluator gave for the same item in the other experiment."""
    scores = ResultScore.objects.filter(experiment=experiment)
    if against is None:
        return scores.none()
    theirs = ResultScore.objects.filter(experiment=against, result__item_id=OuterRef("result__item_id"))
    differs = theirs.filter(score__gt=OuterRef("score")) if worse else theirs.filter(score__lt=OuterRef("score"))
    pairs = Q(pk__in=[])
    for mine, spec in enumerate(experiment.specs):
        other = place_of(against, spec["id"])
        if other is not None and place in (None, mine):
            pairs |= Q(place=mine) & Q(Exists(differs.filter(place=other)))
    return scores.filter(pairs)
