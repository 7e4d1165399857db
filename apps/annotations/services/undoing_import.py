"""What an import changed, noted row by row, and taken back: what people did to an answer since stays."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from accounts.models import User
from apps.annotations.models import AnswerImport, ImportedAnswer
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.services.annotations import STANDING


class Why(StrEnum):
    """What somebody did to an answer after it came in."""

    EDITED = "edited"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer that stays as somebody left it."""

    id: UUID
    why: Why


def state_of(row: SearchableAnswer) -> dict[str, Any]:
    """What an import writes over, so that it can come back."""
    return {
        "question": row.question,
        "answer": row.answer,
        "is_enabled": row.is_wanted,
        "written_by": str(row.written_by_id or ""),
        "approved_by": str(row.approved_by_id or ""),
        "approved_at": row.approved_at.isoformat() if row.approved_at else "",
    }


def note_of(
    row: SearchableAnswer, *, answer_import: AnswerImport, line: int, before: dict[str, Any] | None
) -> ImportedAnswer:
    """What a line of a file became."""
    return ImportedAnswer(
        answer_import=answer_import,
        line=line,
        answer_id=row.id,
        before=before,
        digest=_digest(row),
        is_wanted=row.is_wanted,
    )


def take_back(
    kind: type[SearchableAnswer], notes: Sequence[ImportedAnswer], *, needs_second_person: bool
) -> list[Kept]:
    """Take out what came in and bring back what was there; what was kept, and why. Within a transaction.

    A text that somebody changed stays. So does an answer that somebody switched off or on: one that came in stays out
    of use (or in it), one that was there has its own text again and the switch as it was left.
    """
    ids = [each.answer_id for each in notes]
    found: Any = kind._default_manager.filter(id__in=ids).defer("embedding", "second_embedding")
    rows: dict[UUID, SearchableAnswer] = {row.id: row for row in found.order_by("id").select_for_update(of=("self",))}
    people = _people_in(notes)
    kept: list[Kept] = []
    gone: list[UUID] = []
    for note in notes:
        row = rows.get(note.answer_id)
        if row is None:
            continue  # somebody deleted it
        why = _why_kept(row, note)
        if why is not None:
            kept.append(Kept(id=row.id, why=why))
        if note.before is None and why is None:
            gone.append(row.id)
        elif note.before is not None and why is not Why.EDITED:
            _bring_back(row, note.before, people, needs_second_person=needs_second_person, keeps_switch=why is not None)
    kind._default_manager.filter(id__in=gone).delete()
    return kept


def is_as_it_came(row: SearchableAnswer, note: ImportedAnswer) -> bool:
    """Whether the answer has the texts that the file has."""
    return _digest(row) == note.digest


def _why_kept(row: SearchableAnswer, note: ImportedAnswer) -> Why | None:
    """Approving what waits is no change: the answer is the one that came."""
    if not is_as_it_came(row, note):
        return Why.EDITED
    # Imports of before have not noted how an answer came.
    return Why.SWITCHED if note.is_wanted not in (None, row.is_wanted) else None


def _bring_back(
    row: SearchableAnswer,
    before: dict[str, Any],
    people: set[str],
    *,
    needs_second_person: bool,
    keeps_switch: bool,
) -> None:
    row.answer = before["answer"]
    row.written_by_id, row.approved_by_id = (
        UUID(given) if (given := before.get(name, "")) in people else None for name in ("written_by", "approved_by")
    )
    approved_at = before.get("approved_at", "")
    row.approved_at = dt.datetime.fromisoformat(approved_at) if approved_at else None
    row.stand(
        is_wanted=row.is_wanted if keeps_switch else before["is_enabled"], needs_second_person=needs_second_person
    )
    row.save(update_fields=["answer", *STANDING])


def _people_in(notes: Sequence[ImportedAnswer]) -> set[str]:
    """Those who are still there of all who stood for an answer."""
    named = {(note.before or {}).get(name, "") for note in notes for name in ("written_by", "approved_by")}
    return {str(found) for found in User.objects.filter(id__in=named - {""}).values_list("id", flat=True)}


def _digest(row: SearchableAnswer) -> str:
    return hashlib.sha256(f"{row.question}\x00{row.answer}".encode()).hexdigest()
