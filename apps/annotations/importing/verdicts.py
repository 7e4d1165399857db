"""What becomes of a row of a file, by what is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.annotations.importing.reading import Row


class Verdict(StrEnum):
    """`NEW`, `ADDED` and `REPLACED` change something, the others do not."""

    NEW = "new"
    ADDED = "added"
    REPLACED = "replaced"
    SAME = "same"
    KEPT = "kept"
    CORRECTED = "corrected"
    REPEATED = "repeated"
    FAULTY = "faulty"

    @property
    def changes(self) -> bool:
        """Whether the row is taken in."""
        return self in (Verdict.NEW, Verdict.ADDED, Verdict.REPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest answer that an app has to a question."""

    id: UUID
    answer: str
    is_correction: bool


def judge(row: Row, *, standing: Mapping[str, Standing], seen: set[str], duplicates: str) -> Verdict:
    """What becomes of the row; `seen` are the questions further up in the file, to which it is added.

    An answer that an approved correction made is never written over: it is changed where it was corrected.
    """
    if row.fault:
        return Verdict.FAULTY
    key = row.key
    if key in seen:
        return Verdict.REPEATED
    seen.add(key)
    there = standing.get(key)
    if there is None:
        return Verdict.NEW
    if there.answer == row.answer:
        return Verdict.SAME
    if duplicates == "add":
        return Verdict.ADDED
    if duplicates != "replace":
        return Verdict.KEPT
    return Verdict.CORRECTED if there.is_correction else Verdict.REPLACED


def sample_of(row: Row, verdict: Verdict) -> dict[str, Any]:
    """A row as a page shows it before anything is taken in."""
    return {"line": row.line, "question": row.question[:300], "answer": row.answer[:300], "verdict": str(verdict)}
