"""The jobs of an import: looking through a file, taking its rows in, and taking them out. Each goes on where it was."""

from __future__ import annotations

import datetime as dt
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
from apps.annotations.services.annotations import STANDING
from apps.annotations.services.embedding import forget_vectors, setting_of
from apps.annotations.services.importing_answers import path_of
from apps.annotations.services.moving import embed_later
from apps.annotations.services.second_person import second_person_asked_for
from apps.annotations.services.undoing_import import Kept, Why, note_of, state_of, take_back

BATCH = 500
TURN = dt.timedelta(seconds=100)
MOST_ROWS = 100_000
MOST_FAULTS = 200
#: Answers that taking out has left, and that are named.
MOST_KEPT = 100
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
                _hold(found)
                _one_batch(found, batch, seen)
                found.position = number
                _beat(found)
            yield


def _one_batch(found: AnswerImport, batch: list[Row], seen: set[str]) -> None:
    kind = _KINDS[found.target]
    needs_second_person = second_person_asked_for(found.application_id)
    standing = _standing(kind, found, batch)
    checks = found.stage == AnswerImport.Stage.CHECK
    duplicates = AnswerImport.Duplicates.REPLACE if checks else found.duplicates
    known = {key: _as_standing(row) for key, row in standing.items()}
    judged = [(row, judge(row, standing=known, seen=seen, duplicates=duplicates)) for row in batch]
    counts = Counter(found.found if checks else found.done)
    counts.update(str(verdict) for _row, verdict in judged)
    if not checks:
        found.done = dict(counts)
        wanted = [each for each in judged if each[1].changes]
        _take_in(kind, found, wanted, standing, needs_second_person=needs_second_person)
        return
    found.found, found.rows = dict(counts), found.rows + len(batch)
    faults = [{"line": row.line, "fault": row.fault} for row in batch if row.fault]
    found.faults = [*found.faults, *faults][:MOST_FAULTS]
    found.sample = [*found.sample, *(sample_of(row, verdict) for row, verdict in judged if not row.fault)][:SAMPLE]


def _standing(kind: type[SearchableAnswer], found: AnswerImport, batch: Iterable[Row]) -> dict[str, Any]:
    """The newest answer to each question of the batch, without its vectors. Nobody changes them meanwhile."""
    rows: Any = kind._default_manager.filter(
        application_id=found.application_id, question_key__in={row.key for row in batch if not row.fault}
    )
    kept = rows.defer("embedding", "second_embedding").select_for_update(of=("self",))
    return {row.question_key: row for row in kept.order_by("updated_at", "id")}


def _as_standing(row: Any) -> Standing:
    return Standing(id=row.id, answer=row.answer, is_correction=row.correction_id is not None)


def _take_in(
    kind: type[SearchableAnswer],
    found: AnswerImport,
    judged: list[tuple[Row, Verdict]],
    standing: dict[str, Any],
    *,
    needs_second_person: bool,
) -> None:
    made: list[Any] = []
    notes: list[ImportedAnswer] = []
    for row, verdict in judged:
        there = standing[row.key] if verdict is Verdict.REPLACED else None
        before = None if there is None else state_of(there)
        answer = there or kind(
            team_id=found.team_id, application_id=found.application_id, created_by_id=found.created_by_id
        )
        answer.answer, answer.written_by_id = row.answer, found.written_by_id
        answer.approve(by=None)
        answer.stand(is_wanted=row.is_enabled, needs_second_person=needs_second_person)
        if there is None:
            answer.ask(row.question)
            made.append(answer)
        else:
            answer.save(update_fields=["answer", *STANDING])
        notes.append(note_of(answer, answer_import=found, line=row.line, before=before))
    if made:
        setting = setting_of(made[0])
        forget_vectors(*made, model=setting.model)
        kind._default_manager.bulk_create(made)
    ImportedAnswer.objects.bulk_create(notes)


def _taking_out(found: AnswerImport) -> Iterator[None]:
    """The answers that came in, the last first; what somebody changed since is left, counted, and said why."""
    kind = _KINDS[found.target]
    found.rows = found.position + ImportedAnswer.objects.filter(answer_import=found).count()
    while notes := list(ImportedAnswer.objects.filter(answer_import=found).order_by("-id")[:BATCH]):
        with transaction.atomic():
            _hold(found)
            needs_second_person = second_person_asked_for(found.application_id)
            kept = take_back(kind, notes, needs_second_person=needs_second_person)
            found.left += len(kept)
            found.kept = _told(found.kept, kept)
            ImportedAnswer.objects.filter(id__in=[each.id for each in notes]).delete()
            found.position += len(notes)
            _beat(found)
        yield


def _told(before: dict[str, Any], kept: list[Kept]) -> dict[str, Any]:
    """How many answers stayed for which reason, and the first ones of them."""
    counts = Counter({str(why): before.get(str(why), 0) for why in Why})
    counts.update(str(each.why) for each in kept)
    first = [*before.get("rows", []), *({"id": str(each.id), "why": str(each.why)} for each in kept)]
    return {**counts, "rows": first[:MOST_KEPT]}


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _hold(found: AnswerImport) -> None:
    """See that the job is still this worker's, and keep it until the batch is written. Raises _Overtaken."""
    going = AnswerImport.objects.filter(id=found.id, stage=found.stage, status__in=GOING, beat_at=found.beat_at)
    if not going.select_for_update().values_list("id"):
        raise _Overtaken


def _beat(found: AnswerImport) -> None:
    found.beat_at = timezone.now()
    names = ("status", "position", "rows", "found", "done", "faults", "sample", "left", "kept", "beat_at")
    AnswerImport.objects.filter(id=found.id).update(**{name: getattr(found, name) for name in names})


def _end(found: AnswerImport, *, error: str = "") -> None:
    status = Job.FAILED if error else Job.DONE
    going = AnswerImport.objects.filter(id=found.id, status__in=GOING)
    if not going.update(status=status, error=error, finished_at=timezone.now(), rows=found.rows):
        return
    if found.stage == AnswerImport.Stage.TAKE_IN:
        answer = _KINDS[found.target]._default_manager.filter(application_id=found.application_id).first()
        if answer is not None:
            embed_later(setting_of(answer))
