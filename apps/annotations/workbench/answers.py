"""What may be answered to a question of a queue, and when two answers are the same. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_TEXT = 60_000
#: Ratings up to so many steps are chosen with one key.
MOST_STEPS = 9

Value = bool | float | str


class Kind(StrEnum):
    """What kind of answer a question takes."""

    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    TEXT = "text"
    CORRECTION = "correction"


#: Kinds whose answers can be compared between people.
COMPARED = frozenset({Kind.BOOLEAN, Kind.CATEGORICAL, Kind.NUMERIC})


class BadAnswer(ValueError):
    """An answer that the question does not take; `reason` is a word that interfaces translate."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key, self.reason = key, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a queue, as the pure rules need it."""

    key: str
    kind: Kind
    name: str = ""
    is_required: bool = True
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    #: Numbers that are no farther apart than this are the same.
    tolerance: float = 0.0

    @property
    def steps(self) -> tuple[int, ...]:
        """The ratings that can be chosen with one key each, where the bounds leave few."""
        low, high = self.minimum, self.maximum
        if self.kind is not Kind.NUMERIC or low is None or high is None:
            return ()
        if not (float(low).is_integer() and float(high).is_integer() and 0 < high - low < MOST_STEPS):
            return ()
        return tuple(range(int(low), int(high) + 1))


def checked(questions: Sequence[Question], answers: Mapping[str, Any], *, complete: bool = True) -> dict[str, Value]:
    """The answers as they are stored; empty ones are left out. Raises BadAnswer.

    A draft (`complete=False`) may lack what is required.
    """
    found: dict[str, Value] = {}
    for question in questions:
        given = answers.get(question.key)
        if given is None or given == "":
            if complete and question.is_required:
                raise BadAnswer(question.key, "missing")
            continue
        found[question.key] = _checked(question, given)
    return found


def same(question: Question, values: Sequence[Value]) -> bool:
    """Whether people answered a question the same; words of their own are never compared."""
    if question.kind not in COMPARED or len(values) < 2:
        return True
    if question.kind is Kind.NUMERIC:
        numbers = [float(value) for value in values]
        return max(numbers) - min(numbers) <= question.tolerance
    return len(set(values)) == 1


def agreed(questions: Sequence[Question], sheets: Sequence[Mapping[str, Value]]) -> bool:
    """Whether the answers of several people to all questions are the same. A question left open by some is not."""
    for question in questions:
        if question.kind not in COMPARED:
            continue
        values = [sheet[question.key] for sheet in sheets if question.key in sheet]
        if (values and len(values) != len(sheets)) or not same(question, values):
            return False
    return True


def _checked(question: Question, given: Any) -> Value:
    match question.kind:
        case Kind.BOOLEAN:
            if not isinstance(given, bool):
                raise BadAnswer(question.key, "not_boolean")
            return given
        case Kind.CATEGORICAL:
            if given not in question.categories:
                raise BadAnswer(question.key, "unknown_category")
            return str(given)
        case Kind.NUMERIC:
            return _number(question, given)
        case _:
            if not isinstance(given, str) or len(given) > MAX_TEXT or "\x00" in given:
                raise BadAnswer(question.key, "not_text")
            return given


def _number(question: Question, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise BadAnswer(question.key, "not_a_number")
    number = float(given)
    if not math.isfinite(number):
        raise BadAnswer(question.key, "not_a_number")
    if question.minimum is not None and number < question.minimum:
        raise BadAnswer(question.key, "too_small")
    if question.maximum is not None and number > question.maximum:
        raise BadAnswer(question.key, "too_large")
    return number
