"""Calibration: an evaluator judges what people judged, and the page says how far to trust it."""

from __future__ import annotations

import re
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
    form = {"evaluator": str(evaluator.id), "config": str(config.id), "at_least": "", **more}
    return client.post(reverse("admin:annotations_calibration_begin"), form)


def chosen(config: ScoreConfig, *names: str) -> list[str]:
    """Categories as the form sends them."""
    return [f"{config.id}:{config.categories.index(name)}" for name in names]


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
    assert begun(client, polite, tone, categories=chosen(tone, "warm", "plain")).status_code == 302
    assert begun(client, polite, stars, at_least="3").status_code == 302
    cases = [each.cases.get() for each in Calibration.objects.order_by("id")]
    assert [(each.human_label, each.human_score, each.human_passed) for each in cases] == [
        ("warm", 1.0, True),
        ("1.5", 0.125, False),
    ]
    shown = client.get(reverse("admin:annotations_calibration", args=[Calibration.objects.order_by("id")[0].id]))
    assert "passed: warm, plain" in shown.content.decode()


def test_what_a_question_needs_is_asked_for_in_words_where_it_is_missing(
    client: Client, team: Team, editor: User, polite: Evaluator
) -> None:
    tone = ScoreConfig.objects.create(team=team, name="Tone", kind="categorical", categories=["warm", "plain", "cold"])
    mood = ScoreConfig.objects.create(team=team, name="Mood", kind="categorical", categories=["warm", "sour"])
    stars = ScoreConfig.objects.create(team=team, name="Stars", kind="numeric", minimum=1, maximum=5)
    reviewed(team, tone, "Please.", "warm")
    reviewed(team, stars, "No.", 2)

    def errors(config: ScoreConfig, **more: Any) -> dict[str, list[str]]:
        response = begun(client, polite, config, **more)
        assert response.status_code == 400
        found: dict[str, list[str]] = response.context["form"].errors
        return found

    assert errors(tone) == {"categories": ["Say which categories of “Tone” count as passed."]}
    # The same word is another answer to another question.
    assert set(errors(tone, categories=chosen(mood, "warm"))) == {"categories"}
    assert "some, and not all" in str(errors(tone, categories=chosen(tone, "warm", "plain", "cold")))
    assert set(errors(tone, categories=["warm"])) == {"categories"}
    (missing,) = errors(stars)["at_least"]
    assert missing == (
        "“Stars” is answered with a number: say from which one on an answer counts as passed. Above 1, and 5 at most."
    )
    for outside in ("1", "5.5", "nan", "many"):
        assert set(errors(stars, at_least=outside)) == {"at_least"}
    # What is for another question is not asked for.
    assert begun(client, polite, tone, categories=chosen(tone, "warm"), at_least="99").status_code == 302


def test_the_form_shows_each_choice_with_its_question_and_what_may_be_left_out_nowhere(
    client: Client, team: Team, editor: User, polite: Evaluator
) -> None:
    tone = ScoreConfig.objects.create(team=team, name="Tone", kind="categorical", categories=["warm", "cold"])
    address = reverse("admin:annotations_calibration_begin")
    shown = client.get(address).content.decode()
    assert "(optional)" not in shown
    assert re.search(r"<legend[^>]*>Tone</legend>.*warm.*cold", shown, re.DOTALL)
    assert 'name="at_least"' not in shown  # no question is for a number
    reviewed(team, tone, "Please.", "warm")
    begun(client, polite, tone, categories=chosen(tone, "warm"))
    again = client.get(f"{address}?again={Calibration.objects.get().id}").context["form"]
    assert (again["evaluator"].value(), again["config"].value()) == (polite.id, tone.id)
    assert again["categories"].value() == chosen(tone, "warm")


def test_why_an_answer_could_not_be_judged_is_told_in_words(client: Client, team: Team, editor: User) -> None:
    config = ScoreConfig.objects.create(team=team, name="Is it polite?", kind="boolean")
    code = {"field": "", "language": "python3", "code": "def main(): ...", "seconds": 5.0}
    judge = Evaluator.objects.create(team=team, name="Mine", kind="code", config=code)
    for answer in ("No.", "Yes."):
        reviewed(team, config, answer, 0)
    begun(client, judge, config)
    made = Calibration.objects.get()
    raw = "AttributeError: 'NoneType' object has no attribute 'lower' (line 2)"
    made.cases.update(is_judged=True, error_code="code_error", error_message=raw)
    Calibration.objects.update(status="completed")
    shown = client.get(reverse("admin:annotations_calibration", args=[made.id])).content.decode()
    words = "The evaluator&#x27;s code stopped with an error. Correct it in the evaluator. It was line 2."
    assert words in shown
    before, folded = shown.split("Technical details")
    assert "AttributeError" not in before
    assert "AttributeError" in folded
    # Answers for the same reason stand together, and nothing differs where nothing was judged.
    assert "2 answers could not be judged." in shown
    assert shown.count(words) == 1
    assert folded.count("Well?") == 2
    assert "Where they differ" not in shown


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
