"""What other apps say of the answer that a trace tells of: sources register here, and the page asks them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownScore:
    """What an evaluator says of an answer."""

    name: str
    #: None: it could not say anything.
    passed: bool | None
    #: In words, such as "87".
    value: str
    explanation: str
    #: Where there is more.
    url: str
    at: dt.datetime


ScoreSource = Callable[[UUID, UUID], list[ShownScore]]
_sources: list[ScoreSource] = []


def register_score_source(source: ScoreSource) -> None:
    """From now on `source(trace_id, team_id)` is asked for what is said of a trace."""
    if source not in _sources:
        _sources.append(source)


def scores_on(trace_id: UUID, *, team_id: UUID) -> list[ShownScore]:
    """What all sources say of a trace."""
    return [each for source in _sources for each in source(trace_id, team_id)]
