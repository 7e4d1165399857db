"""The pure rules of the workbench: states of items, answers, agreement."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from apps.annotations.services.feeding import is_sampled
from apps.annotations.workbench.agreement import agreement_of
from apps.annotations.workbench.answers import BadAnswer, Kind, Question, agreed, checked
from apps.annotations.workbench.item_state import ItemState, Standing, may_adjudicate, may_undo, state_of


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        ({"submitted": 0}, ItemState.PENDING),
        ({"submitted": 1}, ItemState.PENDING),
        ({"submitted": 2}, ItemState.COMPLETED),
        ({"submitted": 2, "agreed": False}, ItemState.DISAGREED),
        ({"submitted": 1, "agreed": False}, ItemState.PENDING),
        ({"submitted": 2, "agreed": False, "adjudicated": True}, ItemState.ADJUDICATED),
        ({"submitted": 1, "skipped": 2}, ItemState.PENDING),
        ({"submitted": 1, "skipped": 3}, ItemState.SET_ASIDE),
        ({"submitted": 2, "skipped": 3}, ItemState.COMPLETED),
    ],
)
def test_the_state_of_an_item_follows_from_what_stands(standing: dict[str, Any], state: ItemState) -> None:
    assert state_of(Standing(wanted=2, **standing)) is state


def test_what_was_decided_is_not_taken_back_and_only_disagreements_are_decided() -> None:
    assert {state for state in ItemState if not may_undo(state)} == {ItemState.ADJUDICATED}
    assert {state for state in ItemState if may_adjudicate(state)} == {ItemState.DISAGREED, ItemState.ADJUDICATED}


RATING = Question(key="r", kind=Kind.NUMERIC, minimum=1, maximum=5, tolerance=1)
TONE = Question(key="t", kind=Kind.CATEGORICAL, categories=("warm", "cold"))
YES = Question(key="y", kind=Kind.BOOLEAN)
NOTE = Question(key="n", kind=Kind.TEXT, is_required=False)


@pytest.mark.parametrize(
    ("question", "given", "reason"),
    [
        (RATING, 0, "too_small"),
        (RATING, 5.1, "too_large"),
        (RATING, "4", "not_a_number"),
        (RATING, True, "not_a_number"),
        (RATING, float("nan"), "not_a_number"),
        (TONE, "hot", "unknown_category"),
        (YES, 1, "not_boolean"),
        (YES, None, "missing"),
        (NOTE, 3, "not_text"),
        (NOTE, "a\x00b", "not_text"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_reason(question: Question, given: Any, reason: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        checked([question], {question.key: given})
    assert refused.value.reason == reason


def test_drafts_may_lack_answers_and_unknown_questions_are_left_out() -> None:
    assert checked([RATING, YES, NOTE], {"y": False, "n": "", "z": 1}, complete=False) == {"y": False}
    assert checked([YES, NOTE], {"y": False}) == {"y": False}


def test_people_agree_within_the_tolerance_and_words_are_not_compared() -> None:
    first = {"r": 3.0, "t": "warm", "n": "fine"}
    assert agreed([RATING, TONE, NOTE], [first, {"r": 4.0, "t": "warm", "n": "good"}])
    assert not agreed([RATING, TONE], [first, {"r": 5.0, "t": "warm"}])
    assert not agreed([RATING, TONE], [first, {"r": 3.0, "t": "cold"}])
    assert not agreed([RATING, TONE], [first, {"r": 3.0}])


def test_agreement_is_the_share_of_pairs_and_what_is_beyond_chance() -> None:
    units = [{"a": True, "b": True}, {"a": True, "b": False}, {"a": False, "b": False}, {"a": False, "b": False}]
    figures = agreement_of(YES, units)
    assert (figures.items, figures.pairs, figures.same, figures.percent) == (4, 4, 3, 75)
    # Seen 0.75; by chance 2/4 * 1/4 + 2/4 * 3/4 = 0.5.
    assert figures.cohen == pytest.approx(0.5)
    # Seen 0.75; by chance (3/8)^2 + (5/8)^2 = 34/64.
    assert figures.fleiss == pytest.approx((0.75 - 34 / 64) / (1 - 34 / 64))
    assert figures.alpha is not None
    three = agreement_of(YES, [{"a": True, "b": True, "c": False}])
    assert (three.pairs, three.same, three.cohen) == (3, 1, None)
    assert agreement_of(YES, [{"a": True}]).percent is None


def test_short_scales_have_a_key_for_each_step() -> None:
    assert RATING.steps == (1, 2, 3, 4, 5)
    assert Question(key="p", kind=Kind.NUMERIC, minimum=0, maximum=100).steps == ()
    assert Question(key="p", kind=Kind.NUMERIC, minimum=0, maximum=1.5).steps == ()
    assert YES.steps == ()


def test_chance_picks_about_the_share_that_was_asked_for_and_always_the_same() -> None:
    queue = UUID(int=7)
    picked = [number for number in range(4000) if is_sampled(queue, UUID(int=number), 25)]
    assert picked == [number for number in range(4000) if is_sampled(queue, UUID(int=number), 25)]
    assert 850 < len(picked) < 1150
    assert all(is_sampled(queue, UUID(int=number), 100) for number in range(100))
