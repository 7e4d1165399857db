"""Retrieved passages as cards of the detail pane, with what each way of searching thought of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A retrieved passage as a card."""

    number: int
    title: str
    page: int | None
    text: str
    score: float | None
    #: Each leg's score and its share of the best one of that leg, in per cent.
    legs: Sequence[tuple[str, float, str]]
    heading: str
    dataset: str


def passages_as_cards(found: Sequence[Mapping[str, Any]]) -> list[Passage]:
    """The passages in their order."""
    best: dict[str, float] = {}
    for body in found:
        for leg, score in _scores(body).items():
            best[leg] = max(best.get(leg, 0.0), score)
    return [_passage(number, body, best) for number, body in enumerate(found, start=1)]


def _passage(number: int, body: Mapping[str, Any], best: Mapping[str, float]) -> Passage:
    score, page = body.get("score"), body.get("page")
    heading = body.get("heading_path")
    return Passage(
        number=number,
        title=str(body.get("document_name") or body.get("title") or body.get("chunk_id") or ""),
        page=page if isinstance(page, int) else None,
        text=str(body.get("text") or body.get("content") or ""),
        score=float(score) if isinstance(score, int | float) else None,
        legs=[
            (leg, value, f"{100 * value / best[leg]:.1f}%" if best.get(leg) else "0%")
            for leg, value in _scores(body).items()
        ],
        heading=" › ".join(map(str, heading)) if isinstance(heading, list) else "",
        dataset=str(body.get("dataset_name") or ""),
    )


def _scores(body: Mapping[str, Any]) -> dict[str, float]:
    scores = body.get("scores")
    given = scores.items() if isinstance(scores, Mapping) else ()
    return {str(leg): float(score) for leg, score in given if isinstance(score, int | float)}
