"""Whether the new place of a move answers as it should, before anybody is sent there."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from apps.datasets.models import VectorMove
from apps.datasets.services.errors import MoveNotVerified
from apps.datasets.services.migrating_copy import count_ready_chunks, ready_chunks
from apps.datasets.services.spaces import source_of, target_of
from apps.datasets.vectorstores.protocol import Hit, Record

SAMPLE = 100
K = 10
LEAST_RECALL = 0.95
CLOSE = 0.005
"""How far two stores may be apart in one score: they round to different precisions."""


def check_move(move: VectorMove, *, refused: int) -> None:
    """Count, and ask the new place sampled questions. Raises MoveNotVerified."""
    target = target_of(move)
    expected = count_ready_chunks(move.dataset_id) - refused
    found = target.open().count(target.ns)
    if found < expected:
        raise MoveNotVerified(
            _("The new place holds %(found)s vectors of %(expected)s.") % {"found": found, "expected": expected},
            found=found,
            expected=expected,
        )
    sampled = _sample(move)
    if not sampled:
        return
    recall = sum(_recall(move, record) for record in sampled) / len(sampled)
    if recall < LEAST_RECALL:
        raise MoveNotVerified(
            _("Of the nearest passages, the new place finds %(recall)s for %(sampled)s sampled queries.")
            % {"recall": f"{recall:.0%}", "sampled": len(sampled)},
            recall=round(recall, 4),
        )


def _sample(move: VectorMove) -> list[Record]:
    ids: list[UUID] = list(ready_chunks(move.dataset_id).order_by("?").values_list("id", flat=True)[:SAMPLE])
    target = target_of(move)
    return target.open().fetch(target.ns, ids)


def _recall(move: VectorMove, record: Record) -> float:
    """The share of the right answers to one query: those of the old place, or at least the passage itself."""
    source, target = source_of(move), target_of(move)
    hits = target.open().search(target.ns, record.vector, K)
    if source.ns != target.ns:
        return float(any(hit.id == record.id or hit.score >= 1 - CLOSE for hit in hits))
    return _share(hits, source.open().search(source.ns, record.vector, K))


def _share(hits: list[Hit], right: list[Hit]) -> float:
    """By score, not by id: among equal passages either is right."""
    if not right:
        return 1.0
    return sum(hit.score >= right[-1].score - CLOSE for hit in hits[: len(right)]) / len(right)
