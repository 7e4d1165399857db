"""Gates go with their team and their app; what a gate goes by is not deleted from under it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import RestrictedError
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from apps.annotations.models import (
    Assignment,
    Evaluator,
    Experiment,
    GateOverride,
    GoldenSet,
    PublishGate,
    QueueQuestion,
    Score,
)
from apps.annotations.services.gates import remove_gate, save_gate
from apps.workflows.models import Application, Run
from apps.workflows.services.applications import delete_application
from tests.annotations.experiments.conftest import measure
from tests.annotations.test_queues import make_items, make_queue

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]


@pytest.fixture
def gate(app: Application, golden: Sets, evaluator: Evaluators, manager: User) -> PublishGate:
    """A gate with an experiment before it and a version that was published against it."""
    spring, exact = golden("One"), evaluator()
    made = save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.8, by=manager)
    measure(spring, exact, app=app)
    assert app.live is not None
    GateOverride.objects.create(
        team_id=app.team_id, application=app, version=app.live, refusals=[], reason="Law", by=manager
    )
    return made


def test_an_app_goes_with_its_gates(gate: PublishGate, app: Application) -> None:
    delete_application(app)
    assert not PublishGate.objects.exists()
    assert not Experiment.objects.exists()
    assert (GoldenSet.objects.count(), Evaluator.objects.count()) == (1, 1)


def test_a_team_goes_with_its_gates_and_its_scores(gate: PublishGate, team: Team, operator: User) -> None:
    queue = make_queue(team)
    (item,) = make_items(queue, 1)
    lease = Assignment.objects.create(team=team, queue=queue, item=item, annotator=operator, state="submitted")
    question = queue.questions.get()
    Score.objects.create(team=team, assignment=lease, item=item, config=question.config, author=operator, number=1)
    team.delete()
    for model in (PublishGate, GoldenSet, Evaluator, QueueQuestion, Score, Run):
        assert not model.objects.exists()


def test_a_set_and_an_evaluator_stay_while_a_gate_goes_by_them_and_the_page_names_the_gate(
    client: Client, gate: PublishGate, editor: User, manager: User
) -> None:
    client.force_login(editor)
    address = reverse("admin:annotations_goldenset_delete", args=[gate.golden_set_id])
    sentence = "The publish gate of “Handbook” goes by “Spring” and “exact”. Remove the gate first."
    assert sentence in client.get(address).content.decode()
    assert sentence in client.post(address, {"post": "yes"}).content.decode()
    assert GoldenSet.objects.exists()
    with pytest.raises(RestrictedError):
        gate.evaluator.delete()
    remove_gate(gate, by=manager)
    Experiment.objects.all().delete()
    client.post(address, {"post": "yes"})
    assert not GoldenSet.objects.exists()
