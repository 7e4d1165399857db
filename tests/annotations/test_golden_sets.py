"""Golden sets: what a version holds stays so, whatever is added, changed, withdrawn and revoked later."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Correction, GoldenItem, GoldenSet
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.golden_items import (
    SameQuestion,
    add_items,
    change_item,
    withdraw_items,
    withdraw_items_of,
)
from apps.workflows.models import Application
from support.errors import InvalidInput, NotAllowed, NotFound
from tests.annotations.conftest import RIGHT, make_turn


@pytest.fixture
def golden(team: Team, app: Application) -> GoldenSet:
    return GoldenSet.objects.create(team=team, application=app, name="Spring")


def texts(golden: GoldenSet, version: int) -> list[tuple[int, str, Any]]:
    return [(row.number, row.question, row.expected) for row in items_of(golden, version)]


def test_every_change_is_a_version_and_earlier_ones_stay_as_they_were(golden: GoldenSet, operator: User) -> None:
    two = [NewItem(question="How many frames?", expected="Ten"), NewItem(question="Which wood?", expected="Pine")]
    assert add_items(golden, two, by=operator).version == 1
    change_item(golden, 2, NewItem(question="Which wood?", expected="Cedar", tags=("wood",)), by=operator)
    add_items(golden, [NewItem(inputs={"month": 4}, expected={"inspect": True})], by=operator)
    done = withdraw_items(golden, [1], by=operator)
    assert (done.version, done.withdrawn) == (4, 1)
    assert texts(golden, 0) == []
    assert texts(golden, 1) == [(1, "How many frames?", "Ten"), (2, "Which wood?", "Pine")]
    assert texts(golden, 2) == [(1, "How many frames?", "Ten"), (2, "Which wood?", "Cedar")]
    assert texts(golden, 3)[2] == (3, "", {"inspect": True})
    assert [number for number, *_rest in texts(golden, 4)] == [2, 3]
    said = [(v.number, v.added, v.changed, v.withdrawn, v.items) for v in golden.versions.order_by("number")]
    assert said == [(1, 2, 0, 0, 2), (2, 0, 1, 0, 2), (3, 1, 0, 0, 3), (4, 0, 0, 1, 2)]


def test_what_changes_nothing_makes_no_version(golden: GoldenSet, operator: User) -> None:
    item = NewItem(question="How many frames?", inputs={"b": 1, "a": [1, 2]}, expected="Ten")
    add_items(golden, [item, item], by=operator)
    again = NewItem(question=" How many frames? ", inputs={"a": [1, 2], "b": 1}, expected="Ten")
    done = add_items(golden, [again], by=operator)
    assert (done.version, done.added, done.skipped) == (1, 0, 1)
    assert change_item(golden, 1, item, by=operator).version == 1
    assert withdraw_items(golden, [7], by=operator).version == 1
    assert golden.items.count() == 1


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (SameQuestion.ADD, [(1, "Ten"), (2, "Eight")]),
        (SameQuestion.REPLACE, [(1, "Eight")]),
        (SameQuestion.SKIP, [(1, "Ten")]),
    ],
)
def test_the_same_question_with_another_answer_is_added_replaces_or_is_skipped(
    golden: GoldenSet, operator: User, what: SameQuestion, expected: list[tuple[int, str]]
) -> None:
    add_items(golden, [NewItem(question="How many frames?", expected="Ten", tags=("hive",))], by=operator)
    add_items(golden, [NewItem(question="How many frames?", expected="Eight")], by=operator, same_question=what)
    rows = items_of(golden, golden.version)
    assert [(row.number, row.expected) for row in rows] == expected
    assert rows[0].tags == ["hive"]


def test_a_correction_has_one_item_and_revoking_it_takes_that_out_everywhere(
    golden: GoldenSet, team: Team, app: Application, operator: User
) -> None:
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=operator, approve=False)
    other = GoldenSet.objects.create(team=team, name="Summer")
    for text in (RIGHT, "Every week in spring.", "Every week in spring."):
        item = NewItem(
            question=turn.query,
            expected=text,
            correction_id=correction.id,
            source_message_id=turn.id,
            source_trace_id=turn.run_id,
        )
        for each in (golden, other):
            add_items(each, [item], by=operator, origin="correction")
    assert texts(golden, golden.version) == [(1, turn.query, "Every week in spring.")]
    assert golden.version == 2
    assert correction.golden_items.filter(valid_to_version=None).count() == 2
    assert withdraw_items_of(correction.id, by=operator) == 2
    assert withdraw_items_of(correction.id, by=operator) == 0
    golden.refresh_from_db()
    assert texts(golden, 3) == []
    assert texts(golden, 2) == [(1, turn.query, "Every week in spring.")]
    # The row outlives the correction itself.
    Correction.objects.filter(id=correction.id).delete()
    assert GoldenItem.objects.filter(golden_set=golden, correction=None).count() == 2


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (NewItem(), "question"),
        (NewItem(question="x" * 20_001), "question"),
        (NewItem(question="?", inputs=["a"]), "inputs"),  # type: ignore[arg-type]
        (NewItem(question="?", expected=float("nan")), "expected"),
        (NewItem(question="?", metadata={"long": "x" * 100_001}), "metadata"),
        (NewItem(question="?", tags=("x" * 61,)), "tags"),
    ],
)
def test_an_item_that_cannot_be_stored_says_which_part(
    golden: GoldenSet, operator: User, item: NewItem, field: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        add_items(golden, [NewItem(question="Good"), item], by=operator)
    assert raised.value.details["field"] == field
    assert golden.items.count() == 0


def test_no_database_refuses_what_models_write(golden: GoldenSet, operator: User) -> None:
    odd = NewItem(question="A\x00B\ud800", inputs={"x": "\x00y"}, expected={"z": "a\x00"}, tags=(" a  b ", "a b", ""))
    add_items(golden, [odd], by=operator)
    row = items_of(golden, 1).get()
    assert (row.question, row.inputs, row.expected, row.tags) == ("AB?", {"x": "y"}, {"z": "a"}, ["a b"])


def test_only_who_reviews_in_the_team_changes_a_set(golden: GoldenSet, team: Team) -> None:
    viewer = User.objects.create_user(username="vera")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    stranger = User.objects.create_user(username="stan")
    for person, refusal in ((viewer, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refusal):
            add_items(golden, [NewItem(question="?")], by=person)
        with pytest.raises(refusal):
            withdraw_items(golden, [1], by=person)
