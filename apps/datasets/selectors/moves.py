"""Reads how far a dataset's move to another store or model has come, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from apps.datasets.models import Dataset, VectorMove
from apps.datasets.models.vector_move import KEEP_OLD

FIRST_GUESS = 3.0
"""Seconds after which the pace says something about the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveProgress:
    """How far it is; `seconds_left` is None as long as nobody can tell."""

    move: VectorMove
    done: int
    percent: int
    is_checking: bool
    """All is copied; the new place is compared with the old one, and the switch comes next."""
    seconds_left: int | None = None


def moves_of(dataset: Dataset) -> list[VectorMove]:
    """The last moves of a dataset, newest first."""
    return list(VectorMove.objects.filter(dataset=dataset).order_by("-id")[:10])


def move_progress(move: VectorMove) -> MoveProgress:
    """Where a move stands at this moment."""
    done = min(move.done, move.total)
    elapsed = (timezone.now() - move.started_at).total_seconds()
    left = None
    if 0 < done < move.total and elapsed > FIRST_GUESS and not move.error:
        left = max(1, round(elapsed * (move.total - done) / done))
    return MoveProgress(
        move=move,
        done=done,
        percent=100 * done // max(1, move.total),
        is_checking=done == move.total and not move.error,
        seconds_left=left,
    )


def waits_for_cleaning(move: VectorMove) -> int:
    """Minutes until what the move left behind is removed, at least one."""
    if move.switched_at is None:
        return 1
    rest = move.switched_at + KEEP_OLD - timezone.now()
    return max(1, -(-int(rest.total_seconds()) // 60))
