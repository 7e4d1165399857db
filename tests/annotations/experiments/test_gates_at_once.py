"""Publishing while a gate's experiment comes to its end, on connections of their own: nothing bad is ever published."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from accounts.models import User
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.services.experiment_turns import work_on_experiment
from apps.annotations.services.experiments import begin_experiment, retry_experiment
from apps.annotations.services.gates import move_gate, save_gate
from apps.annotations.services.golden_items import withdraw_items
from apps.workflows import services
from apps.workflows.models import Application
from apps.workflows.services import PublishRefused
from support.errors import Conflict
from tests.annotations.experiments.conftest import ECHO, draft, measure, saying

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]
QUESTIONS = [f"Question {number}" for number in range(12)]


def publish_until(over: threading.Event, app: Application, number: int) -> list[str]:
    """Try to publish until it works, or once more after `over`; what was said against it."""
    said: list[str] = []
    version = app.versions.get(number=number)
    try:
        while True:
            is_last = over.is_set()
            try:
                services.publish_version(application=Application.objects.get(id=app.id), version=version)
            except PublishRefused as exc:
                said += [each.code for each in exc.refusals]
            else:
                return [*said, "published"]
            if is_last:
                return said
    finally:
        connections.close_all()


def worked_on(experiment: Experiment, over: threading.Event) -> None:
    try:
        while work_on_experiment(experiment.id):
            pass
    finally:
        over.set()
        connections.close_all()


@pytest.mark.parametrize(
    ("document", "last"),
    [(saying("Question 7"), "gate_below"), ({**ECHO, "app": {**ECHO["app"], "description": "Better"}}, "published")],
    ids=["bad", "good"],
)
def test_what_is_published_while_its_experiment_ends_has_shown_everything(
    app: Application, golden: Sets, evaluator: Evaluators, manager: User, document: dict[str, object], last: str
) -> None:
    spring, exact = golden(*QUESTIONS), evaluator()
    save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.9, figure="mean", by=manager)
    number = draft(app, document)
    experiment = begin_experiment(
        spring, app=app.slug, version=number, evaluators=[exact], by=None, parallel=1, in_background=False
    )
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=2) as threads:
        working = threads.submit(worked_on, experiment, over)
        said = threads.submit(publish_until, over, app, number).result()
        working.result()
    assert said[-1] == last
    # Whatever was told before, it was that the measurement is not over.
    assert set(said[:-1]) <= {"gate_under_way", last}
    app.refresh_from_db()
    assert app.live is not None
    assert (app.live.number == number) is (last == "published")
    experiment.refresh_from_db()
    assert (experiment.status, experiment.scores.count()) == ("completed", len(QUESTIONS))


def test_an_experiment_that_is_tried_again_while_somebody_publishes_never_passes_on_half_of_it(
    app: Application, golden: Sets, evaluator: Evaluators, manager: User
) -> None:
    spring, exact = golden(*QUESTIONS), evaluator()
    save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.9, figure="mean", by=manager)
    number = draft(app, saying("Question 7"))
    experiment = measure(spring, exact, app=app, version=number)
    experiment.results.exclude(number=8).update(status="failed", is_answered=False)
    over = threading.Event()

    def again() -> None:
        try:
            retry_experiment(experiment, by=None)
        except Conflict:
            pass
        finally:
            connections.close_all()
        worked_on(experiment, over)

    with ThreadPoolExecutor(max_workers=2) as threads:
        working = threads.submit(again)
        said = threads.submit(publish_until, over, app, number).result()
        working.result()
    assert "published" not in said
    app.refresh_from_db()
    assert app.live is not None
    assert app.live.number == 1


def test_a_set_that_is_made_easier_while_the_gate_is_moved_counts_as_it_was_or_not_at_all(
    app: Application, golden: Sets, evaluator: Evaluators, manager: User, operator: User
) -> None:
    spring, exact = golden(*QUESTIONS), evaluator()
    gate = save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.9, by=manager)

    def in_own_connection(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=2) as threads:
        list(
            threads.map(
                in_own_connection,
                [lambda: withdraw_items(spring, [1, 2], by=operator), lambda: move_gate(gate, by=manager)],
            )
        )
    gate.refresh_from_db()
    spring.refresh_from_db()
    assert spring.version == 2
    assert spring.versions.filter(number=gate.set_version).exists()
