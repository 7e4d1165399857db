"""Files of answers: looked through by a job, taken in when somebody who saw the outcome says so, and taken out again.

What comes in answers the same questions at once, and similar ones as soon as the job that embeds has them; where the
app asks for a second person, once somebody else takes it into use.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.importing.reading import format_of
from apps.annotations.models import AnswerImport
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.services.taking_turns import wait_for_turn
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooLarge
from support.jobs import enqueue, enqueue_on_commit

TASK = "annotations.import_answers"
FOLDER = "answer-imports"
MAX_BYTES = 30_000_000
#: The file is there for looking at what was in it, and then goes.
KEPT = dt.timedelta(days=7)
SILENCE = dt.timedelta(minutes=4)


def bring_answers(
    pieces: Iterable[bytes],
    *,
    application: Any,
    file_name: str,
    target: str = AnswerImport.Target.ANNOTATIONS,
    duplicates: str = AnswerImport.Duplicates.SKIP,
    by: User | None = None,
    written_by: User | None = None,
) -> AnswerImport:
    """Keep a file and have it looked through; nothing is taken in yet.

    `written_by` is the person who stands behind a program. Raises InvalidInput, TooLarge, Conflict.
    """
    format = format_of(file_name)
    if format is None:
        raise InvalidInput(_("Bring a CSV or a JSONL file."), field="file")
    if target not in AnswerImport.Target.values or duplicates not in AnswerImport.Duplicates.values:
        raise InvalidInput(_("Choose what the answers are for, and what becomes of duplicates."), field="duplicates")
    now = timezone.now()
    found = AnswerImport(
        team_id=application.team_id,
        application=application,
        target=target,
        duplicates=duplicates,
        file_name=file_name[-200:],
        format=format,
        created_by=by,
        written_by=by or written_by,
        beat_at=now,
    )
    found.path = f"{FOLDER}/{found.id}.{format}"
    found.size = _keep(pieces, path_of(found))
    try:
        with transaction.atomic():
            _refuse_another(found)
            found.save()
            enqueue_on_commit(TASK, str(found.id))
    except Conflict:
        path_of(found).unlink(missing_ok=True)
        raise
    return found


@transaction.atomic
def take_in(answer_import: AnswerImport, *, duplicates: str = "") -> AnswerImport:
    """Begin to take in what the check found. Raises Conflict, InvalidInput."""
    locked = AnswerImport.objects.select_for_update().get(id=answer_import.id)
    if not locked.may_take_in:
        raise Conflict(_("This file cannot be taken in (any more)."))
    if duplicates and duplicates not in AnswerImport.Duplicates.values:
        raise InvalidInput(_("Choose what becomes of questions that have an answer."), field="duplicates")
    locked.duplicates = duplicates or locked.duplicates
    return _begin(locked, AnswerImport.Stage.TAKE_IN)


@transaction.atomic
def undo_import(answer_import: AnswerImport) -> AnswerImport:
    """Begin to take out what came in and was not changed since; what was replaced comes back. Raises Conflict."""
    locked = AnswerImport.objects.select_for_update().get(id=answer_import.id)
    if not locked.may_undo:
        raise Conflict(_("There is nothing of this file to take out."))
    return _begin(locked, AnswerImport.Stage.UNDO)


def stop_import(answer_import: AnswerImport) -> None:
    """End the stage that is going on; what it did stands, and can be taken out."""
    going = AnswerImport.objects.filter(id=answer_import.id, status__in=GOING)
    going.update(status=Job.STOPPED, finished_at=timezone.now())


def require_annotator(user: User, team_id: UUID) -> None:
    """Who reviews answers brings them along. Raises NotFound, NotAllowed."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such app in your teams."))
    if not may(user, "annotate", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))


def go_on_with_imports() -> int:
    """Queue the stages that no worker has touched for a while; how many."""
    silent = AnswerImport.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:100])
    for import_id in ids:
        enqueue(TASK, str(import_id))
    return len(ids)


def forget_import_files() -> int:
    """Delete the files whose time is over; what came of them stays and can be taken out. How many."""
    old = AnswerImport.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(path="").exclude(status__in=GOING)
    forgotten = 0
    for each in old[:1_000]:
        path_of(each).unlink(missing_ok=True)
        forgotten += AnswerImport.objects.filter(id=each.id).update(path="")
    return forgotten


def path_of(answer_import: AnswerImport) -> Path:
    """Where the file of an import is."""
    return Path(settings.MEDIA_ROOT) / answer_import.path


def _refuse_another(found: AnswerImport) -> None:
    """One file at a time for an app: each is judged by what is there. Raises Conflict."""
    wait_for_turn(f"imports/{found.application_id}")
    others = AnswerImport.objects.filter(application_id=found.application_id, status__in=GOING).exclude(id=found.id)
    if others.exists():
        raise Conflict(_("Another file is being worked on for this app. Wait for it, or stop it."))


def _begin(answer_import: AnswerImport, stage: str) -> AnswerImport:
    _refuse_another(answer_import)
    answer_import.stage, answer_import.status, answer_import.position = stage, Job.QUEUED, 0
    answer_import.beat_at, answer_import.finished_at, answer_import.error = timezone.now(), None, ""
    if stage == AnswerImport.Stage.TAKE_IN:
        answer_import.done = {}
    answer_import.save()
    enqueue_on_commit(TASK, str(answer_import.id))
    return answer_import


def _keep(pieces: Iterable[bytes], target: Path) -> int:
    """Write the file down; its size. Raises TooLarge, InvalidInput."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with target.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > MAX_BYTES:
                    raise TooLarge(_("The file is larger than %(n)s MB.") % {"n": MAX_BYTES // 1_000_000})
                file.write(piece)
        if not size:
            raise InvalidInput(_("The file is empty."), field="file")
    except (TooLarge, InvalidInput):
        target.unlink(missing_ok=True)
        raise
    return size
