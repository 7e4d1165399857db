"""What is judged, what judges, what comes out, and what judging may reach."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer, and what is known about the question."""

    answer: str
    question: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    #: A text, or values for apps whose outputs are values. None: nothing in particular is expected.
    expected: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: What another version answered; for those that compare.
    other: str | None = None

    def looked_at(self, name: str) -> Any:
        """What is judged: an output by its name, or else the answer."""
        return self.outputs.get(name) if name else self.answer

    def expected_of(self, name: str) -> Any:
        """What is expected there: the value of that name where values are expected, or all that is expected."""
        if name and isinstance(self.expected, Mapping) and name in self.expected:
            return self.expected[name]
        return self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What calls of models took. A cost of None: nobody knows the price of at least one of them."""

    calls: int = 0
    tokens: int = 0
    cost: Decimal | None = None
    currency: str = ""
    unpriced: int = 0

    def __add__(self, other: Spent) -> Spent:
        adds = not self.currency or not other.currency or self.currency == other.currency
        cost = other.cost if self.cost is None else self.cost if other.cost is None else self.cost + other.cost
        return Spent(
            calls=self.calls + other.calls,
            tokens=self.tokens + other.tokens,
            cost=cost if adds else self.cost,
            currency=self.currency or other.currency,
            # Amounts of two currencies have no sum: what is left out is told.
            unpriced=self.unpriced + other.unpriced + (0 if adds else other.calls - other.unpriced),
        )


NOTHING = Spent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an evaluator says: a score from 0 to 1, or why it could not say anything."""

    score: float | None
    label: str = ""
    explanation: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error_message: str = ""
    spent: Spent = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """An evaluator as an experiment keeps it."""

    id: str
    name: str
    kind: str
    config: Mapping[str, Any]
    pass_at: float

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Spec:
        """From `Evaluator.as_spec`."""
        return cls(**{name: stored[name] for name in ("id", "name", "kind", "config", "pass_at")})

    def passes(self, score: float) -> bool:
        """Whether a score is enough."""
        return score >= self.pass_at - 1e-9


class CannotJudge(Exception):
    """An evaluator could not say anything: not the answer's fault, and in no figure."""

    def __init__(self, code: str, message: str, *, spent: Spent = NOTHING) -> None:
        super().__init__(message)
        self.code, self.message, self.spent = code, message, spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model replied."""

    text: str
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The vectors of texts, in their order."""

    vectors: Sequence[Sequence[float]]
    spent: Spent = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSaid:
    """What code gave back, and what it printed."""

    value: Any
    printed: str = ""


class Reach(Protocol):
    """What judging may reach beyond the process. Everything raises CannotJudge."""

    async def ask(self, *, model: str, instructions: str, text: str) -> Said:
        """One reply of a chat model."""

    async def embed(self, texts: Sequence[str], *, model: str) -> Embedded:
        """The vectors of texts."""

    async def run(self, code: str, *, language: str, inputs: Mapping[str, Any], seconds: float) -> CodeSaid:
        """What `main` gives back in the sandbox."""


def as_text(value: Any) -> str:
    """A value as a person would write it down."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
