"""The few-shot examples that a model was shown, as the trace page tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse

from apps.traces.recorder import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExample:
    """An approved answer in a prompt: the question it answers, how like it was, and where it is kept."""

    number: int
    question: str
    score: float | None
    width: str
    tokens: int | None
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExamples:
    """All of a prompt; with a budget also what they took of it."""

    items: Sequence[ShownExample]
    budget: int | None = None
    used: int = 0
    too_long: int = 0

    @property
    def count(self) -> int:
        """How many were shown or left out: what there is to tell of."""
        return len(self.items) or self.too_long


def shown_examples(process: Mapping[str, Any]) -> ShownExamples:
    """What a step left in `process` about its examples."""
    items = [_example(number, body) for number, body in enumerate(reading.examples_of(process), start=1)]
    said = process.get("examples_budget")
    if not isinstance(said, Mapping):
        return ShownExamples(items=items)
    budget, used, too_long = (_number(said.get(name)) for name in ("tokens", "used", "too_long"))
    return ShownExamples(items=items, budget=budget, used=used or 0, too_long=too_long or 0)


def _example(number: int, body: Mapping[str, Any]) -> ShownExample:
    score = body.get("score")
    known = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return ShownExample(
        number=number,
        question=str(body.get("question") or ""),
        score=known,
        width="0%" if known is None else f"{100 * max(0.0, min(1.0, known)):.1f}%",
        tokens=_number(body.get("tokens")),
        url=_address(str(body.get("id") or "")),
    )


def _address(example_id: str) -> str:
    """Where the example is kept, if whoever keeps it is installed."""
    try:
        return reverse("admin:annotations_fewshotexample_change", args=[UUID(example_id)])
    except (ValueError, NoReverseMatch):
        return ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
