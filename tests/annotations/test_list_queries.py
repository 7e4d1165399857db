"""Lists ask the databases as often for twelve rows as for two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import (
    Calibration,
    Correction,
    Evaluator,
    Experiment,
    Feedback,
    GoldenSet,
    OnlineEvaluation,
    PreferencePair,
    QueueItem,
    ReviewQueue,
    ScoreConfig,
    TraceScore,
    TrainingSet,
)
from apps.annotations.services.gates import save_gate
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from support.ids import uuid7
from tests.annotations.conftest import RIGHT, make_app, make_turn

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
FEW, MANY = 2, 12


@pytest.fixture
def owner(team: Team, client: Client) -> User:
    user = User.objects.create_user(username="ola", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    client.force_login(user)
    return user


def an_app(team: Team, n: int) -> Application:
    return make_app(team, slug=f"app-{n}")


def an_evaluator(team: Team, n: int) -> Evaluator:
    return Evaluator.objects.create(team=team, name=f"Exact {n}", kind="exact", config={})


def a_filled_set(team: Team, n: int, owner: User) -> GoldenSet:
    made = GoldenSet.objects.create(team=team, name=f"Set {n}", application=an_app(team, n))
    add_items(made, [NewItem(question="How many frames?", expected="Ten")], by=owner)
    made.refresh_from_db()
    return made


def a_gate(team: Team, n: int, owner: User) -> None:
    golden_set = a_filled_set(team, n, owner)
    app = golden_set.application
    assert app is not None
    save_gate(app=app.slug, golden_set=golden_set, evaluator=an_evaluator(team, n), threshold=0.5, by=owner)


def a_pair(team: Team, n: int, owner: User) -> None:
    services.correct_answer(make_turn(an_app(team, n)).id, f"{RIGHT} {n}", by=owner)
    assert PreferencePair.objects.count() == Correction.objects.count()


def a_verdict(team: Team, n: int, owner: User) -> None:
    turn = make_turn(an_app(team, n))
    Feedback.objects.create(
        team=team, application=turn.application, message=turn, user=owner, rating="dislike", text=f"Not so {n}"
    )


def an_online(team: Team, n: int, owner: User) -> None:
    app, judge = an_app(team, n), an_evaluator(team, n)
    online = OnlineEvaluation.objects.create(team=team, application=app, name=f"Live {n}", daily_answers=1)
    online.evaluators.add(judge)
    facts = {"application_id": app.id, "spec": judge.as_spec(), "evaluator_id": judge.id}
    TraceScore.objects.create(
        team=team, online=online, trace_id=uuid7(), happened_at=timezone.now(), score=1.0, passed=True, **facts
    )


def a_calibration(team: Team, n: int, owner: User) -> None:
    config = ScoreConfig.objects.create(team=team, name=f"Right {n}?", kind="boolean")
    judge = an_evaluator(team, n)
    Calibration.objects.create(team=team, evaluator=judge, spec=judge.as_spec(), config=config, status="completed")


def an_experiment(team: Team, n: int, owner: User) -> None:
    golden_set = a_filled_set(team, n, owner)
    app = golden_set.application
    assert app is not None
    facts = {"number": 1, "version": app.live, "set_version": 1, "evaluators": [an_evaluator(team, n).as_spec()]}
    Experiment.objects.create(team=team, application=app, golden_set=golden_set, status="completed", **facts)


def a_queue(team: Team, n: int, owner: User) -> None:
    ReviewQueue.objects.create(team=team, name=f"Check {n}", application=an_app(team, n))


def a_training_set(team: Team, n: int, owner: User) -> None:
    TrainingSet.objects.create(team=team, name=f"Tune {n}")


LISTS: dict[str, Callable[[Team, int, User], Any]] = {
    "publishgate": a_gate,
    "preferencepair": a_pair,
    "feedback": a_verdict,
    "onlineevaluation": an_online,
    "calibration": a_calibration,
    "evaluator": lambda team, n, owner: an_evaluator(team, n),
    "experiment": an_experiment,
    "goldenset": a_filled_set,
    "reviewqueue": a_queue,
    "trainingset": a_training_set,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_as_often_for_many_rows_as_for_few(client: Client, team: Team, owner: User, name: str) -> None:
    address = reverse(f"admin:annotations_{name}_changelist")
    asked: list[int] = []
    for rows in (range(FEW), range(FEW, MANY)):
        for n in rows:
            LISTS[name](team, n, owner)
        ContentType.objects.clear_cache()
        client.get(address)
        with (
            CaptureQueriesContext(connections["default"]) as main,
            CaptureQueriesContext(connections["traces"]) as traces,
        ):
            shown = client.get(address)
        assert len(shown.context["cl"].result_list) == rows.stop
        asked.append(len(main) + len(traces))
    assert asked[0] == asked[1]
    assert asked[1] <= 24


def test_a_queue_is_listed_with_how_far_it_is_also_among_others(client: Client, team: Team, owner: User) -> None:
    for n in (1, 2):
        a_queue(team, n, owner)
    queue = ReviewQueue.objects.get(name="Check 2")
    facts = {"team": team, "queue": queue, "subject_kind": "message", "wanted": 1}
    for status in ("pending", "pending", "disagreed", "completed"):
        QueueItem.objects.create(subject_id=uuid7(), question="Well?", answer="Yes", status=status, **facts)
    address = reverse("admin:annotations_reviewqueue_changelist")
    first, second = client.get(address).context["cl"].result_list
    assert (first.progress.pending, first.progress.total) == (0, 0)
    assert (second.progress.pending, second.progress.disagreed, second.progress.total) == (2, 1, 4)
    shown = client.get(address, {"q": "Check 2"}).content.decode()
    assert f'{reverse("admin:annotations_queue_overview", args=[queue.id])}#disagreements">1</a>' in shown
    assert "1 / 4" in shown


def test_the_list_says_which_ones_have_spent_their_day(client: Client, team: Team, owner: User) -> None:
    an_online(team, 1, owner)
    an_online(team, 2, owner)
    OnlineEvaluation.objects.filter(name="Live 2").update(daily_answers=2)
    shown = client.get(reverse("admin:annotations_onlineevaluation_changelist")).content.decode()
    assert shown.count("Budget of today spent") == 1
    assert shown.count("Judging") == 1
