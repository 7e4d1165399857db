"""Reading imports of answers: the doors to one, and the newest ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.annotations.models import Annotation, AnswerImport, FewShotExample, ImportedAnswer
from support.errors import NotFound

MOST = 50


def open_import(import_id: UUID, *, team_ids: Iterable[UUID]) -> AnswerImport:
    """A member's door. Raises NotFound."""
    found = AnswerImport.objects.filter(id=import_id, team_id__in=list(team_ids)).select_related(
        "application", "created_by"
    )
    return _one(found.first())


def import_of_application(import_id: UUID, *, application_id: UUID) -> AnswerImport:
    """An API caller's door: an import of its app. Raises NotFound."""
    return _one(AnswerImport.objects.filter(id=import_id, application_id=application_id).first())


def imports_of(team_ids: Iterable[UUID]) -> list[AnswerImport]:
    """The newest imports of the teams."""
    found = AnswerImport.objects.filter(team_id__in=list(team_ids)).select_related("application", "created_by")
    return list(found[:MOST])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer that taking an import out left as somebody had changed it."""

    id: UUID
    question: str
    #: `edited` or `switched`.
    why: str


def kept_answers(found: AnswerImport) -> list[KeptAnswer]:
    """Those that are named of the answers that taking out left, and that are still there (one query)."""
    why = {UUID(each["id"]): each["why"] for each in found.kept.get("rows", [])}
    kind: Any = FewShotExample if found.target == AnswerImport.Target.EXAMPLES else Annotation
    rows = kind.objects.filter(id__in=why).order_by("-id").values_list("id", "question")
    return [KeptAnswer(id=id, question=question, why=why[id]) for id, question in rows]


def waiting_of(found: AnswerImport) -> QuerySet[Any]:
    """The answers that a file brought, that nobody else has rewritten, and that wait for a second person."""
    kind: Any = FewShotExample if found.target == AnswerImport.Target.EXAMPLES else Annotation
    ids = ImportedAnswer.objects.filter(answer_import=found).values("answer_id")
    rows: QuerySet[Any] = kind.objects.filter(id__in=ids, is_waiting=True, written_by=found.written_by_id)
    return rows


def _one(found: AnswerImport | None) -> AnswerImport:
    if found is None:
        raise NotFound("There is no such import.")
    return found
