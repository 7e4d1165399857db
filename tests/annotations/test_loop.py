"""The loop from a dislike to a better answer."""

from __future__ import annotations

import pytest

from accounts.models import Membership, Role, Team, User
from apps.annotations import selectors, services
from apps.annotations.models import Annotation, Correction, FewShotExample
from support.errors import InvalidInput, NotAllowed, NotFound
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_disliked_answer_is_corrected_and_the_same_question_is_answered_from_the_correction(app, operator, ask):
    turn = make_turn(app)
    services.record_feedback(turn, rating="dislike", source="api", end_user="ada", reason="wrong")
    assert [row.id for row in selectors.to_review([app.team_id], show="disliked")] == [turn.id]

    correction = services.correct_answer(turn.id, RIGHT, by=operator)

    answer = ask(app, "how often should I inspect a hive in SPRING")
    assert answer is not None
    assert answer.text == RIGHT
    assert answer.reason == "annotation_reply"
    assert answer.details == {
        "id": str(correction.annotation.id),
        "question": QUESTION,
        "score": 1.0,
        "author": "Olga",
    }
    assert not selectors.to_review([app.team_id], show="disliked").exists()


def test_a_near_question_is_answered_above_the_threshold_only(app, operator, ask):
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    near = "In spring, how often should I inspect the hive?"
    assert ask(app, near, annotation_reply={"threshold": 0.8}).text == RIGHT
    assert ask(app, near, annotation_reply={"threshold": 0.8}).details["score"] < 1
    paraphrase = "What is the right interval for looking into a colony after winter?"
    assert ask(app, paraphrase, annotation_reply={"threshold": 0.8}) is None
    assert ask(app, paraphrase) is None


@pytest.mark.parametrize(
    "other",
    [
        "Should I not inspect a hive in spring?",
        "Should I inspect 2 hives in spring?",
    ],
)
def test_a_near_question_with_another_number_or_the_opposite_sense_is_not_answered(app, operator, ask, other):
    services.correct_answer(make_turn(app, "Should I inspect a hive in spring?").id, RIGHT, by=operator)
    assert ask(app, other, annotation_reply={"threshold": 0.5}) is None
    assert ask(app, "Should I inspect the hives in spring?", annotation_reply={"threshold": 0.5}).text == RIGHT


def test_no_other_app_or_team_is_answered_from_it(app, operator, ask):
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    sibling = make_app(app.team, slug="sibling")
    stranger = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="stranger")
    assert ask(app, QUESTION) is not None
    assert ask(sibling, QUESTION) is None
    assert ask(stranger, QUESTION) is None


def test_withdrawing_the_approval_lets_the_model_answer_again(app, operator, ask):
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    services.withdraw_correction(correction, by=operator)
    assert ask(app, QUESTION) is None
    assert not FewShotExample.objects.filter(is_enabled=True).exists()
    services.approve_correction(correction, by=operator)
    assert ask(app, QUESTION).text == RIGHT
    assert Annotation.objects.count() == FewShotExample.objects.count() == 1


def test_a_document_can_switch_it_off(app, operator, ask):
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    assert ask(app, QUESTION, annotation_reply=False) is None
    assert ask(app, QUESTION, annotation_reply={"enabled": False}) is None
    assert ask(app, QUESTION, annotation_reply={"threshold": 0.99}).text == RIGHT


def test_a_draft_answers_nothing_and_is_continued(app, operator, ask):
    turn = make_turn(app)
    services.correct_answer(turn.id, "Inspect it weekly.", by=operator, approve=False)
    draft = services.correct_answer(turn.id, RIGHT, by=operator, approve=False)
    assert ask(app, QUESTION) is None
    assert Correction.objects.get() == draft
    assert draft.original == WRONG
    assert draft.diff_stats == {"kept": 3, "added": 7, "removed": 3}


def test_a_second_approved_correction_replaces_the_first(app, operator, ask):
    turn = make_turn(app)
    first = services.correct_answer(turn.id, "Inspect it weekly.", by=operator)
    services.correct_answer(turn.id, RIGHT, by=operator)
    first.refresh_from_db()
    assert first.status == "withdrawn"
    assert ask(app, QUESTION).text == RIGHT


def test_the_original_answer_never_changes(app, operator):
    from django.db import IntegrityError

    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    with pytest.raises(IntegrityError, match="never changes"):
        Correction.objects.filter(id=correction.id).update(original="Something nicer.")


def test_only_a_member_with_the_right_may_correct(app, team, operator):
    turn = make_turn(app)
    viewer = User.objects.create_user(username="vic")
    with pytest.raises(NotFound):
        services.correct_answer(turn.id, RIGHT, by=viewer)
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        services.correct_answer(turn.id, RIGHT, by=viewer)
    assert not Correction.objects.exists()


@pytest.mark.parametrize("text", ["", "   ", WRONG, "x" * 60_001])
def test_a_correction_must_say_something_else(app, operator, text):
    with pytest.raises(InvalidInput):
        services.correct_answer(make_turn(app).id, text, by=operator)
