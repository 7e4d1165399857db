"""What makes two examples one, where an example belongs, and what it counts."""

from __future__ import annotations

from typing import Any

from apps.annotations.training.example import (
    ToolCall,
    ToolStep,
    count_tokens,
    deduplication_key,
    dialogue,
    from_dict,
    split_of,
    with_tools,
)
from apps.traces.masking.masker import Masker


def one_call(tool: str, arguments: dict[str, Any], outcome: str) -> ToolStep:
    return ToolStep(calls=(ToolCall(tool=tool, arguments=arguments, outcome=outcome),))


def test_an_example_comes_back_as_it_was_stored() -> None:
    made = with_tools(dialogue("q", answer="a", system="s", rejected="r"), steps=[one_call("t", {"n": [1]}, "o")])
    assert from_dict(made.as_dict()) == made


def test_the_same_dialogue_is_one_whatever_its_spacing() -> None:
    one, other = dialogue("How often?", answer="Weekly."), dialogue("How  often?\n", answer=" Weekly.")
    assert deduplication_key(one, by="exact", unique="1") == deduplication_key(other, by="exact", unique="2")
    assert deduplication_key(one, by="none", unique="1") != deduplication_key(other, by="none", unique="2")
    assert split_of(one, validation_percent=50) == split_of(other, validation_percent=50)


def test_another_answer_is_another_example_unless_the_question_alone_counts() -> None:
    one, other = dialogue("How often?", answer="Weekly."), dialogue("how often", answer="Daily.")
    assert deduplication_key(one, by="exact", unique="") != deduplication_key(other, by="exact", unique="")
    assert deduplication_key(one, by="question", unique="") == deduplication_key(other, by="question", unique="")
    later = dialogue("How often?", answer="Weekly.", earlier=[("Feed?", "Yes.")])
    assert deduplication_key(one, by="question", unique="") != deduplication_key(later, by="question", unique="")


def test_the_split_is_about_as_large_as_asked_and_never_moves() -> None:
    made = [dialogue(f"Question {n}?", answer="a") for n in range(2_000)]
    ten = {n for n, each in enumerate(made) if split_of(each, validation_percent=10) == "validation"}
    twenty = {n for n, each in enumerate(made) if split_of(each, validation_percent=20) == "validation"}
    assert 150 < len(ten) < 250
    assert ten < twenty  # a larger share adds to it and takes nothing back
    assert all(split_of(each, validation_percent=0) == "train" for each in made)
    # Written down once: another machine or a later version of ours must not move it.
    assert sorted(ten)[:5] == FIRST_FIVE


FIRST_FIVE = [2, 6, 16, 17, 24]


def test_tokens_are_counted_over_the_whole_dialogue() -> None:
    short = dialogue("a" * 40, answer="b" * 40)
    assert count_tokens(short) == 10 + 10 + 2 * 4
    assert count_tokens(with_tools(short, steps=[one_call("t", {"n": 1}, "o" * 400)])) > 100 + count_tokens(short)


def test_secrets_and_persons_are_taken_out_of_every_part() -> None:
    made = with_tools(
        dialogue("I am ada@example.org", answer="Hello ada@example.org", rejected="ada@example.org?"),
        steps=[one_call("mail", {"to": "ada@example.org"}, "sent to ada@example.org")],
    )
    masked = made.masked(Masker(personal={"email"}).value)
    assert "example.org" not in str(masked.as_dict())
    assert str(masked.as_dict()).count("[masked:") == 5
