"""The jobs of an import: looking through a file, taking its rows in, and taking them out. Each goes on where it was."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.importing.reading import Row, UnreadableFile, read_rows
from apps.annotations.importing.verdicts import Standing, Verdict, judge, sample_of
from apps.annotations.models import Annotation, AnswerImport, FewShotExample, ImportedAnswer
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.services.embedding import forget_vectors, setting_of
from apps.annotations.services.importing_answers import path_of
from apps.annotations.services.moving import embed_later

BATCH = 500
TURN = dt.timedelta(seconds=100)
MOST_ROWS = 100_000
MOST_FAULTS = 200
SAMPLE = 20
_KINDS: dict[str, type[SearchableAnswer]] = {"annotations": Annotation, "examples": FewShotExample}


class _Overtaken(Exception):
    """Somebody stopped the job, or another worker went on with it: what this batch did is taken back."""


def work_on_import(import_id: UUID) -> bool:
    """Go on with the stage for one turn. True: there is more to do. Safe to repeat."""
    found = AnswerImport.objects.filter(id=import_id, status__in=GOING).first()
    if found is None:
        return False
    found.status = Job.RUNNING
    until = timezone.now() + TURN
    steps = _taking_out(found) if found.stage == AnswerImport.Stage.UNDO else _through_file(found)
    try:
        for _step in steps:
            if timezone.now() >= until:
                return True
        _end(found)
    except _Overtaken:
        pass
    except (UnreadableFile, FileNotFoundError) as exc:
        gone = _("The file is not here any more. Bring it again.")
        _end(found, error=str(exc) if isinstance(exc, UnreadableFile) else gone)
    return False


def _through_file(found: AnswerImport) -> Iterator[None]:
    """Every row of the file, in batches; those that a turn before had are read again and passed over."""
    seen: set[str] = set()
    number = 0
    with path_of(found).open("rb") as file:
        for batch in _batches(read_rows(file, format=found.format)):
            number += len(batch)
            if number > MOST_ROWS:
                raise UnreadableFile(_("The file has more than %(n)s rows. Divide it.") % {"n": f"{MOST_ROWS:,}"})
            if number <= found.position:
                seen.update(row.key for row in batch if not row.fault)
                continue
            with transaction.atomic():
                _one_batch(found, batch, seen)
                found.position = number
                _beat(found)
            yield


def _one_batch(found: AnswerImport, batch: list[Row], seen: set[str]) -> None:
    kind = _KINDS[found.target]
    standing = _standing(kind, found, batch)
    checks = found.stage == AnswerImport.Stage.CHECK
    duplicates = AnswerImport.Duplicates.REPLACE if checks else found.duplicates
    judged = [(row, judge(row, standing=standing, seen=seen, duplicates=duplicates)) for row in batch]
    counts = Counter(found.found if checks else found.done)
    counts.update(str(verdict) for _row, verdict in judged)
    if not checks:
        found.done = dict(counts)
        _take_in(kind, found, [each for each in judged if each[1].changes], standing)
        return
    found.found, found.rows = dict(counts), found.rows + len(batch)
    faults = [{"line": row.line, "fault": row.fault} for row in batch if row.fault]
    found.faults = [*found.faults, *faults][:MOST_FAULTS]
    found.sample = [*found.sample, *(sample_of(row, verdict) for row, verdict in judged if not row.fault)][:SAMPLE]


def _standing(kind: type[SearchableAnswer], found: AnswerImport, batch: Iterable[Row]) -> dict[str, Standing]:
    """The newest answer to each question of the batch."""
    rows: Any = kind._default_manager.filter(
        application_id=found.application_id, question_key__in={row.key for row in batch if not row.fault}
    )
    values = rows.order_by("updated_at").values_list(
        "question_key", "id", "question", "answer", "is_enabled", "correction_id"
    )
    return {
        key: Standing(id=id, question=question, answer=answer, is_enabled=enabled, is_correction=correction is not None)
        for key, id, question, answer, enabled, correction in values
    }


def _take_in(
    kind: type[SearchableAnswer],
    found: AnswerImport,
    judged: list[tuple[Row, Verdict]],
    standing: dict[str, Standing],
) -> None:
    made: list[Any] = []
    notes: list[ImportedAnswer] = []
    for row, verdict in judged:
        before = standing[row.key] if verdict is Verdict.REPLACED else None
        if before is None:
            new = kind(
                team_id=found.team_id,
                application_id=found.application_id,
                answer=row.answer,
                is_enabled=row.is_enabled,
                created_by_id=found.created_by_id,
            )
            new.ask(row.question)
            made.append(new)
        else:
            values = {"answer": row.answer, "is_enabled": row.is_enabled, "updated_at": timezone.now()}
            kind._default_manager.filter(id=before.id).update(**values)
        notes.append(
            ImportedAnswer(
                answer_import=found,
                line=row.line,
                answer_id=new.id if before is None else before.id,
                before=None
                if before is None
                else {"question": before.question, "answer": before.answer, "is_enabled": before.is_enabled},
                digest=_digest(row.question if before is None else before.question, row.answer),
            )
        )
    if made:
        setting = setting_of(made[0])
        forget_vectors(*made, model=setting.model)
        kind._default_manager.bulk_create(made)
    ImportedAnswer.objects.bulk_create(notes)


def _taking_out(found: AnswerImport) -> Iterator[None]:
    """The answers that came in, the last first; what somebody changed since is left and counted."""
    kind = _KINDS[found.target]
    found.rows = found.position + ImportedAnswer.objects.filter(answer_import=found).count()
    while notes := list(ImportedAnswer.objects.filter(answer_import=found).order_by("-id")[:BATCH]):
        with transaction.atomic():
            rows = {row.id: row for row in kind._default_manager.filter(id__in=[each.answer_id for each in notes])}
            unchanged = [
                each
                for each in notes
                if (row := rows.get(each.answer_id)) and _digest(row.question, row.answer) == each.digest
            ]
            kind._default_manager.filter(id__in=[each.answer_id for each in unchanged if each.before is None]).delete()
            for each in unchanged:
                if each.before is not None:
                    values = {name: each.before[name] for name in ("answer", "is_enabled")}
                    kind._default_manager.filter(id=each.answer_id).update(**values, updated_at=timezone.now())
            found.left += sum(each.answer_id in rows for each in notes) - len(unchanged)
            ImportedAnswer.objects.filter(id__in=[each.id for each in notes]).delete()
            found.position += len(notes)
            _beat(found)
        yield


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _digest(question: str, answer: str) -> str:
    return hashlib.sha256(f"{question}\x00{answer}".encode()).hexdigest()


def _beat(found: AnswerImport) -> None:
    before, found.beat_at = found.beat_at, timezone.now()
    going = AnswerImport.objects.filter(id=found.id, status__in=GOING, beat_at=before)
    names = ("status", "position", "rows", "found", "done", "faults", "sample", "left", "beat_at")
    if not going.update(**{name: getattr(found, name) for name in names}):
        raise _Overtaken


def _end(found: AnswerImport, *, error: str = "") -> None:
    status = Job.FAILED if error else Job.DONE
    going = AnswerImport.objects.filter(id=found.id, status__in=GOING)
    if not going.update(status=status, error=error, finished_at=timezone.now(), rows=found.rows):
        return
    if found.stage == AnswerImport.Stage.TAKE_IN:
        answer = _KINDS[found.target]._default_manager.filter(application_id=found.application_id).first()
        if answer is not None:
            embed_later(setting_of(answer))
