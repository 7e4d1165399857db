"""Evaluators that need nothing but the texts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apps.annotations.evaluation.case import Case, CodeSaid, Embedded, Judgement, Said, Spec
from apps.annotations.evaluation.evaluating import evaluate
from apps.annotations.evaluation.judging import BadVerdict, read_score, read_winner
from apps.annotations.evaluation.specs import checked_config


class Nowhere:
    """Reaches nothing: plain evaluators do not ask."""

    async def ask(self, **given: Any) -> Said:
        raise AssertionError(given)

    async def embed(self, *given: Any, **more: Any) -> Embedded:
        raise AssertionError(given)

    async def run(self, *given: Any, **more: Any) -> CodeSaid:
        raise AssertionError(given)


def judge(kind: str, answer: str, expected: Any = None, *, outputs: Any = None, **config: Any) -> Judgement:
    spec = Spec(id="1", name=kind, kind=kind, config=checked_config(kind, config), pass_at=1.0)
    return asyncio.run(evaluate(Case(answer=answer, expected=expected, outputs=outputs or {}), spec, Nowhere()))


@pytest.mark.parametrize(
    ("kind", "answer", "expected", "config", "score"),
    [
        ("exact", " Ten\n frames ", "Ten frames", {}, 1.0),
        ("exact", "ten frames", "Ten frames", {}, 0.0),
        ("exact", "ten frames", "Ten frames", {"ignore_case": True}, 1.0),
        ("exact", "Ten  frames", "Ten frames", {"ignore_space": False}, 0.0),
        ("exact", "caf\u0065\u0301", "caf\u00e9", {}, 1.0),
        ("exact", '{"b": [1, 2], "a": null}', {"a": None, "b": [1, 2]}, {}, 1.0),
        ("exact", "true", True, {}, 1.0),
        ("contains", "Ten frames of pine", None, {"words": ["pine", "TEN"]}, 1.0),
        ("contains", "Ten frames of pine", None, {"words": ["pine", "cedar"]}, 0.5),
        ("contains", "Ten frames of pine", None, {"words": ["pine", "cedar"], "how_many": "any"}, 1.0),
        ("contains", "Ten frames of pine", None, {"words": ["cedar"], "how_many": "none"}, 1.0),
        ("contains", "Ten frames of pine", "frames", {}, 1.0),
        ("contains", "Ten frames of pine", ["ten", "oak"], {}, 0.5),
        ("regex", "Call 0800 123", None, {"pattern": r"\d{4} \d{3}"}, 1.0),
        ("regex", "Call 0800 123", None, {"pattern": r"\d{4} \d{3}", "whole": True}, 0.0),
        ("regex", "CALL", None, {"pattern": "call", "ignore_case": True}, 1.0),
        ("json-schema", '{"n": 3}', None, {"schema": {"type": "object", "required": ["n"]}}, 1.0),
        ("json-schema", '{"m": 3}', None, {"schema": {"type": "object", "required": ["n"]}}, 0.0),
        ("json-schema", "Here: {}", None, {"schema": {"type": "object"}}, 0.0),
        ("json-schema", "NaN", None, {"schema": {"type": "number"}}, 0.0),
    ],
)
def test_what_is_seen_is_compared_with_what_is_expected(
    kind: str, answer: str, expected: Any, config: dict[str, Any], score: float
) -> None:
    assert judge(kind, answer, expected, **config).score == score


def test_an_output_is_judged_by_its_name_against_the_value_of_that_name() -> None:
    outputs = {"total": 42, "unit": "kg"}
    assert judge("exact", "", {"total": 42, "unit": "g"}, outputs=outputs, field="total").score == 1.0
    assert judge("exact", "", {"total": 42, "unit": "g"}, outputs=outputs, field="unit").score == 0.0


def test_a_pattern_without_end_and_items_without_an_expectation_are_told_and_not_scored() -> None:
    endless = judge("regex", "a" * 40 + "!", pattern=r"^(a|a)*$")
    assert (endless.score, endless.error_code) == (None, "pattern_too_slow")
    assert judge("exact", "Ten").error_code == "nothing_expected"
    assert judge("contains", "Ten").error_code == "nothing_expected"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "4",
        "[]",
        '{"score": 4}',
        '{"reason": "x", "score": 5}',
        '{"reason": "x", "score": -1}',
        '{"reason": "x", "score": 1.0}',
        '{"reason": "x", "score": true}',
        '{"reason": "x", "score": "4"}',
        '{"reason": "", "score": 4}',
        '{"reason": "x", "score": 4, "more": 1}',
        '{"reason": "x", "score": 0, "score": 4}',
        'Sure! {"reason": "x", "score": 4}',
        '{"reason": "x", "score": 4} {"reason": "y", "score": 0}',
    ],
)
def test_nothing_but_one_whole_verdict_is_read(reply: str) -> None:
    with pytest.raises(BadVerdict):
        read_score(reply, best=4)


def test_a_verdict_may_stand_in_a_fence() -> None:
    assert read_score('```json\n{"reason": "x", "score": 4}\n```', best=4) == (4, "x")
    assert read_winner('{"reason": "x", "winner": "tie"}') == ("tie", "x")
    with pytest.raises(BadVerdict):
        read_winner('{"reason": "x", "winner": "both"}')
