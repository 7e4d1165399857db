"""When questions are the same, and what changed between two answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.annotations.text.questions import may_mean_the_same, question_key
from support.word_diff import LIMIT, Piece, diff_stats, diff_words


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is a skep?", "  what is a SKEP ", True),
        ("Ｗｈａｔ　ｉｓ　a skep？", "What is a skep?", True),
        ("蜂箱多久检查一次？", "蜂箱多久检查一次", True),
        ("Straße?", "STRASSE", True),
        ("Is it C?", "Is it C++?", False),
        ("Is it C?", "Is it C#?", False),
        ("5 %?", "5?", False),
        ("???", "!!!", False),
        ("Can I feed bees?", "Can I feed a bee?", False),
    ],
)
def test_equal_questions_share_a_key(one, other, same):
    assert (question_key(one) == question_key(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("Refund after 7 days?", "Is there a refund after 7 days?", True),
        ("Refund after 7 days?", "Refund after 70 days?", False),
        ("May I open it?", "May I not open it?", False),
        ("Why can't I open it?", "Why cannot I open it?", True),
        ("可以打开吗", "不可以打开吗", False),
    ],
)
def test_another_number_or_a_denial_is_another_question(one, other, may):
    assert may_mean_the_same(one, other) is may


@given(st.text(), st.text())
def test_a_diff_contains_both_texts_whole(old, new):
    pieces = diff_words(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == new


def test_words_are_compared_and_chinese_by_character():
    assert diff_words("once a year", "twice a year") == [
        Piece(kind="removed", text="once"),
        Piece(kind="added", text="twice"),
        Piece(kind="same", text=" a year"),
    ]
    pieces = diff_words("每年检查一次", "每月检查一次")
    assert [piece.text for piece in pieces] == ["每", "年", "月", "检查一次"]
    assert diff_stats(pieces) == {"kept": 5, "added": 1, "removed": 1}


def test_a_huge_rewrite_is_shown_whole_instead_of_taking_minutes():
    old, new = "a b " * LIMIT, "c d " * LIMIT
    assert [piece.kind for piece in diff_words(old, new)][:2] == ["removed", "added"]
