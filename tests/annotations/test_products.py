"""What approved corrections lead to, who approves them, and that a withdrawal takes everything back."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import (
    Annotation,
    AnnotationHit,
    Correction,
    FewShotExample,
    GoldenItem,
    GoldenSet,
    PreferencePair,
)
from apps.annotations.selectors.products import Kind, products_of
from apps.annotations.services.correction_settings import Switches, bring_in_line, change_settings
from apps.annotations.services.hits import Hit, record_hit
from apps.workflows.models import Application
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn

pytestmark = pytest.mark.django_db
ALL = set(Kind)


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def golden(team: Team) -> GoldenSet:
    return GoldenSet.objects.create(team=team, name="Spring")


@pytest.fixture
def everything_on(app: Application, editor: User, golden: GoldenSet) -> None:
    change_settings(app, Switches(golden_set_id=golden.id), by=editor)


def in_use(correction: Correction) -> set[Kind]:
    return {product.kind for product in products_of([correction.id]).get(correction.id, []) if product.is_in_use}


def test_an_approval_makes_all_products_and_each_leads_back(app, operator, everything_on):
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=operator)
    assert in_use(correction) == ALL
    assert (correction.message_id, correction.trace_id) == (turn.id, turn.run_id)
    for product in (Annotation, FewShotExample, PreferencePair, GoldenItem):
        assert product.objects.get().correction == correction
    pair, item = PreferencePair.objects.get(), GoldenItem.objects.get()
    assert (pair.question, pair.chosen, pair.rejected) == (QUESTION, RIGHT, WRONG)
    assert (item.question, item.expected, item.source_message_id) == (QUESTION, RIGHT, turn.id)
    assert item.source_trace_id == turn.run_id


def test_a_withdrawal_takes_all_of_them_out_of_use_and_keeps_the_hits(app, operator, everything_on, golden):
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=operator)
    hit = Hit(
        **{"team_id": app.team_id, "application_id": app.id, "run_id": turn.run_id, "message_id": turn.id},
        **{"question": QUESTION, "annotation_question": QUESTION, "annotation_answer": RIGHT},
        **{"annotation_id": Annotation.objects.get().id, "score": 1.0, "source": "api"},
    )
    assert record_hit(hit)
    services.withdraw_correction(correction, by=operator)
    assert in_use(correction) == set()
    assert {product.kind for product in products_of([correction.id])[correction.id]} == ALL
    assert AnnotationHit.objects.get().annotation == Annotation.objects.get()
    golden.refresh_from_db()
    assert (golden.version, GoldenItem.objects.get().valid_to_version) == (2, 2)

    services.approve_correction(correction, by=operator)
    assert in_use(correction) == ALL
    assert Annotation.objects.count() == PreferencePair.objects.count() == 1
    assert [step.kind for step in correction.steps.all()] == ["written", "approved", "withdrawn", "approved"]


@pytest.mark.parametrize(
    ("switch", "missing"),
    [
        ({"makes_annotation": False}, Kind.ANNOTATION),
        ({"makes_example": False}, Kind.EXAMPLE),
        ({"makes_preference_pair": False}, Kind.PREFERENCE_PAIR),
        ({"golden_set_id": None}, Kind.GOLDEN_ITEM),
    ],
)
def test_what_is_switched_off_is_not_made(app, operator, editor, golden, switch, missing):
    change_settings(app, Switches(**{"golden_set_id": golden.id, **switch}), by=editor)
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    assert {product.kind for product in products_of([correction.id])[correction.id]} == ALL - {missing}


def test_one_product_that_cannot_be_made_leaves_none_of_the_others(app, operator, everything_on):
    turn = make_turn(app)
    turn.inputs = {"notes": "x" * 100_001}
    turn.save()
    draft = services.correct_answer(turn.id, RIGHT, by=operator, approve=False)
    with pytest.raises(InvalidInput, match="Inputs"):
        services.approve_correction(draft, by=operator)
    assert Correction.objects.get().status == "draft"
    assert not Annotation.objects.exists()
    assert not FewShotExample.objects.exists()
    assert not PreferencePair.objects.exists()


def test_where_a_second_person_is_asked_for_nobody_approves_their_own(app, operator, editor):
    change_settings(app, Switches(needs_second_person=True), by=editor)
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    assert correction.is_proposed
    with pytest.raises(NotAllowed):
        services.approve_correction(correction, by=operator)
    assert not Annotation.objects.exists()
    services.approve_correction(correction, by=editor)
    assert (correction.author, correction.approved_by) == (operator, editor)
    assert in_use(correction) == ALL - {Kind.GOLDEN_ITEM}
    # Withdrawn by its author, it still takes somebody else to bring it back.
    services.withdraw_correction(correction, by=operator)
    with pytest.raises(NotAllowed):
        services.approve_correction(correction, by=operator)


def test_a_text_that_changed_since_it_was_read_is_not_approved(app, operator, editor):
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, "Weekly.", by=operator, approve=False, propose=True)
    seen = correction.updated_at
    services.correct_answer(turn.id, RIGHT, by=operator, approve=False, propose=True)
    with pytest.raises(Conflict):
        services.approve_correction(correction, by=editor, seen=seen)
    assert services.approve_correction(correction, by=editor, seen=correction.updated_at).is_approved


def test_a_proposal_that_is_sent_back_is_its_authors_draft_again(app, operator, editor):
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=operator, approve=False, propose=True)
    services.send_back(correction, by=editor, remark="Name the source.")
    assert correction.status == "draft"
    with pytest.raises(Conflict):
        services.approve_correction(correction, by=editor)
    again = services.correct_answer(turn.id, RIGHT + " See page 2.", by=operator, approve=False, propose=True)
    assert (again, again.is_proposed) == (correction, True)
    steps = [(step.kind, step.person, step.remark) for step in correction.steps.all()]
    assert steps == [
        ("written", operator, ""),
        ("proposed", operator, ""),
        ("sent-back", editor, "Name the source."),
        ("proposed", operator, ""),
    ]


def test_an_approval_replaces_what_else_was_proposed_for_the_answer(app, operator, editor):
    turn = make_turn(app)
    first = services.correct_answer(turn.id, "Weekly.", by=operator, approve=False, propose=True)
    second = services.correct_answer(turn.id, RIGHT, by=editor)
    first.refresh_from_db()
    assert (first.status, first.steps.last().kind) == ("withdrawn", "replaced")
    assert second.is_approved


def test_switches_are_set_by_who_edits_the_apps_of_the_team(app, operator, editor):
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    theirs = GoldenSet.objects.create(team=wasps, name="Theirs")
    other_apps = GoldenSet.objects.create(team=app.team, name="Other", application=make_app(app.team, slug="other"))
    for foreign in (theirs, other_apps):
        with pytest.raises(InvalidInput):
            change_settings(app, Switches(golden_set_id=foreign.id), by=editor)
    with pytest.raises(NotAllowed):
        change_settings(app, Switches(), by=operator)
    with pytest.raises(NotFound):
        change_settings(make_app(wasps, slug="wasps"), Switches(), by=editor)


def test_what_is_approved_already_is_brought_in_line(app, operator, editor, golden, monkeypatch):
    monkeypatch.setattr("apps.annotations.services.correction_settings.BATCH", 2)
    corrections = [services.correct_answer(make_turn(app, f"{n} hives?").id, RIGHT, by=operator) for n in range(3)]
    services.withdraw_correction(corrections[1], by=operator)
    switches: dict[str, Any] = {"makes_annotation": False, "golden_set_id": golden.id}
    change_settings(app, Switches(**switches), by=editor)
    assert in_use(corrections[0]) == ALL - {Kind.GOLDEN_ITEM}
    after = bring_in_line(app.id, by_id=editor.id)
    assert after == corrections[2].id
    assert bring_in_line(app.id, by_id=editor.id, after=after) is None
    wanted = ALL - {Kind.ANNOTATION}
    assert [in_use(row) for row in corrections] == [wanted, set(), wanted]
    version = GoldenSet.objects.get(id=golden.id).version
    bring_in_line(app.id, by_id=editor.id)
    assert GoldenSet.objects.get(id=golden.id).version == version
