"""Calibration: an evaluator judges what people judged, and the page says how far to trust it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations.models import Assignment, Calibration, Evaluator, QueueItem, ReviewQueue, Score, ScoreConfig
from apps.annotations.selectors.calibrations import trust_in
from apps.annotations.services.calibrations import calibrate
from apps.annotations.statistics import cohens_kappa
from support.ids import uuid7

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team, client: Client) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client.force_login(user)
    return user


@pytest.fixture
def polite(team: Team) -> Evaluator:
    config = {"field": "", "words": ["please"], "how_many": "all", "ignore_case": True}
    return Evaluator.objects.create(team=team, name="Polite", kind="contains", config=config)


def reviewed(team: Team, config: ScoreConfig, answer: str, *given: float | str, decided: float | str = "") -> QueueItem:
    """An answer that people have judged in a queue, one after the other, and perhaps somebody decided on."""
    queue, _made = ReviewQueue.objects.get_or_create(team=team, name="Check")
    item = QueueItem.objects.create(
        team=team, queue=queue, subject_kind="message", subject_id=uuid7(), question="Well?", answer=answer, wanted=5
    )
    for place, value in enumerate([*given, *([decided] if decided != "" else [])]):
        person = User.objects.get_or_create(username=f"reviewer-{place}")[0]
        role = Assignment.Role.DECISION if place == len(given) else Assignment.Role.REVIEW
        assignment = Assignment.objects.create(
            team=team,
            queue=queue,
            item=item,
            annotator=person,
            role=role,
            state="submitted",
        )
        score = Score(team=team, assignment=assignment, item=item, config=config, author=person)
        score.put(value)
        score.save()
    return item


def begun(client: Client, evaluator: Evaluator, config: ScoreConfig, **more: Any) -> Any:
    form = {"evaluator": str(evaluator.id), "config": str(config.id), "categories": "", "at_least": "", **more}
    return client.post(reverse("admin:annotations_calibration_begin"), form)


def test_agreement_is_told_with_the_disagreements(client: Client, team: Team, editor: User, polite: Evaluator) -> None:
    config = ScoreConfig.objects.create(team=team, name="Is it polite?", kind="boolean")
    for _n in range(12):
        reviewed(team, config, "Yes, please.", 1, 1)
        reviewed(team, config, "No.", 0)
    reviewed(team, config, "Kindly yes.", 1)
    reviewed(team, config, "Please go away.", 1, 0, decided=0)
    reviewed(team, config, "Split", 1, 0)
    response = begun(client, polite, config)
    made = Calibration.objects.get()
    assert response["Location"] == reverse("admin:annotations_calibration", args=[made.id])
    assert made.total == 26
    assert "hx-get" in client.get(response["Location"], headers={"HX-Request": "true"}).content.decode()
    while calibrate(made.id):
        pass
    trust = trust_in(made)
    assert (trust.both, trust.people_only, trust.judge_only, trust.neither) == (12, 1, 1, 12)
    assert trust.kappa is not None
    expected = [(1, 1)] * 12 + [(1, 0)] + [(0, 1)] + [(0, 0)] * 12
    assert trust.kappa.value == cohens_kappa(expected).value
    assert trust.kappa.low < trust.kappa.value < trust.kappa.high
    shown = client.get(response["Location"]).content.decode()
    assert "It judges much like people do." in shown or "agrees with people" in shown
    assert "Kindly yes." in shown
    assert "Please go away." in shown
    assert "Yes, please." not in shown


def test_categories_and_numbers_say_what_counts_as_passed(
    client: Client, team: Team, editor: User, polite: Evaluator
) -> None:
    tone = ScoreConfig.objects.create(team=team, name="Tone", kind="categorical", categories=["warm", "plain", "cold"])
    stars = ScoreConfig.objects.create(team=team, name="Stars", kind="numeric", minimum=1, maximum=5)
    reviewed(team, tone, "Please.", "warm", "warm", "cold")
    reviewed(team, stars, "No.", 1, 2)
    assert "Say which categories count as passed" in begun(client, polite, tone).content.decode()
    assert "from which number on" in begun(client, polite, stars).content.decode()
    assert begun(client, polite, tone, categories="warm\nplain").status_code == 302
    assert begun(client, polite, stars, at_least="3").status_code == 302
    cases = [each.cases.get() for each in Calibration.objects.order_by("id")]
    assert [(each.human_label, each.human_score, each.human_passed) for each in cases] == [
        ("warm", 1.0, True),
        ("1.5", 0.125, False),
    ]


def test_a_question_that_nobody_answered_cannot_be_compared_with(
    client: Client, team: Team, editor: User, polite: Evaluator
) -> None:
    address = reverse("admin:annotations_calibration_begin")
    assert "Something is missing" in client.get(address).content.decode()
    config = ScoreConfig.objects.create(team=team, name="Is it polite?", kind="boolean")
    assert "Nobody has answered this question yet." in begun(client, polite, config).content.decode()
    others = Team.objects.create(slug="wasps", name="Wasps")
    theirs = Evaluator.objects.create(team=others, name="Theirs", kind="contains", config=polite.config)
    assert begun(client, theirs, config).status_code == 400
    assert not Calibration.objects.exists()
