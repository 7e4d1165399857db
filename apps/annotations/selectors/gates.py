"""Reading publish gates: the doors to them, and how a version stands before one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.annotations.models import Evaluator, Experiment, GateOverride, GoldenSet, PublishGate
from apps.annotations.selectors.measuring import Figure, compare_experiments, figures_of, fingerprint
from support.errors import NotFound

_TOLERANCE = 1e-9
_LEVEL = 0.05
_GOING = ("queued", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a version stands before a gate; `code` is empty if it passes, else it says what is in the way."""

    code: str = ""
    #: The figure that counts: the mean, or the lower end of its interval.
    value: float | None = None
    live_value: float | None = None
    p_value: float | None = None
    #: Items without a score.
    missing: int = 0
    experiment: Experiment | None = None

    @property
    def passes(self) -> bool:
        """Whether the gate lets it pass."""
        return not self.code


def gates_of(team_ids: Iterable[UUID], *, application_id: UUID | None = None) -> QuerySet[PublishGate]:
    """The teams' gates, with app, set and evaluator."""
    found = PublishGate.objects.filter(team_id__in=list(team_ids))
    if application_id is not None:
        found = found.filter(application_id=application_id)
    return found.select_related("application", "golden_set", "evaluator", "team").order_by("application__name", "id")


def open_gate(gate_id: UUID, *, team_ids: Iterable[UUID]) -> PublishGate:
    """The one door to a gate. Raises NotFound."""
    found = gates_of(team_ids).filter(id=gate_id).first()
    if found is None:
        raise NotFound("There is no such gate in your teams.")
    return found


def gates_in_the_way(rows: Iterable[GoldenSet | Evaluator]) -> list[str]:
    """A sentence for every gate that goes by one of these, and keeps it from being deleted (one query)."""
    ids = [row.id for row in rows]
    gates = PublishGate.objects.filter(Q(golden_set__in=ids) | Q(evaluator__in=ids))
    return [
        _("The publish gate of “%(app)s” goes by “%(set)s” and “%(evaluator)s”. Remove the gate first.")
        % {"app": gate.application.name, "set": gate.golden_set.name, "evaluator": gate.evaluator.name}
        for gate in gates.select_related("application", "golden_set", "evaluator").order_by("application__name", "id")
    ]


def overrides_of(team_ids: Iterable[UUID]) -> QuerySet[GateOverride]:
    """When somebody published against a gate, newest first."""
    found = GateOverride.objects.filter(team_id__in=list(team_ids))
    return found.select_related("application", "version", "by").defer("version__document").order_by("-id")


def standing_of(gate: PublishGate, version_id: UUID, *, live_version_id: UUID | None) -> Standing:
    """How a version stands before a gate: by its newest experiment on the version of the set that the gate names.

    The newest one counts and not the best: else one would try until chance is kind.
    """
    experiment = _newest(gate, version_id)
    if experiment is None:
        return Standing(code="not_measured")
    if experiment.status in _GOING:
        return Standing(code="under_way", experiment=experiment)
    figure = _figure(gate, experiment)
    if figure.scored < experiment.total or figure.mean is None:
        return Standing(code="incomplete", missing=experiment.total - figure.scored, experiment=experiment)
    value = figure.mean.low if gate.figure == PublishGate.Figure.LOWER else figure.mean.value
    if gate.threshold is not None and value < gate.threshold - _TOLERANCE:
        return Standing(code="below", value=value, experiment=experiment)
    # Who is published first, or again, has nobody to be worse than.
    if gate.against_live == PublishGate.Against.NONE or live_version_id in (None, version_id):
        return Standing(value=value, experiment=experiment)
    return _beside_live(gate, experiment, figure, live_version_id)


def _beside_live(gate: PublishGate, experiment: Experiment, figure: Figure, live_version_id: UUID | None) -> Standing:
    mean = figure.mean.value if figure.mean is not None else None
    live = _newest(gate, live_version_id) if live_version_id is not None else None
    wanted = gate.evaluator.as_spec()["id"]
    found = [] if live is None or live.status in _GOING else compare_experiments(live, experiment)
    beside = next((each for each in found if experiment.specs[each.second_place]["id"] == wanted), None)
    if live is None or beside is None or beside.scores.items < experiment.total:
        return Standing(code="live_not_measured", value=mean, experiment=live)
    difference = beside.scores.difference.value
    is_worse = difference < -_TOLERANCE
    if gate.against_live == PublishGate.Against.BEYOND_CHANCE:
        # One evaluator, one question: nothing to correct for.
        is_worse = is_worse and beside.scores.p_value < _LEVEL
    live_value = mean - difference if mean is not None else None
    return Standing(
        code="worse" if is_worse else "",
        value=mean,
        live_value=live_value,
        p_value=beside.scores.p_value,
        experiment=experiment,
    )


def _newest(gate: PublishGate, version_id: UUID) -> Experiment | None:
    """The newest experiment of a version on what the gate asks, judged by the evaluator as it is now."""
    wanted = fingerprint(gate.evaluator.as_spec())
    found = Experiment.objects.filter(
        version_id=version_id, golden_set=gate.golden_set_id, set_version=gate.set_version
    ).order_by("-id")
    return next((each for each in found[:50] if any(fingerprint(spec) == wanted for spec in each.specs)), None)


def _figure(gate: PublishGate, experiment: Experiment) -> Figure:
    wanted = str(gate.evaluator_id)
    return next(each for each in figures_of(experiment) if each.evaluator_id == wanted)
