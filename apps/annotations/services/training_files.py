"""Files of fine-tune sets: asked for, written and checked line by line by a job, and forgotten after some days."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import TrainingExample, TrainingExport, TrainingVersion
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.services.training_versions import SILENCE, require_right
from apps.annotations.training.checking import fault_of
from apps.annotations.training.example import from_dict
from apps.annotations.training.files import open_sink
from apps.annotations.training.formats import FORMATS, Entry, Line
from support.errors import Conflict, InvalidInput
from support.jobs import enqueue, enqueue_on_commit

TASK = "annotations.write_training_file"
FOLDER = "training-exports"
KEPT = dt.timedelta(days=7)
MOST_AT_ONCE = 6
PAGE = 500
MOST_FAULTS = 50


class _Overtaken(Exception):
    """Somebody stopped the job, or another worker writes the file."""


def ask_for_file(version: TrainingVersion, *, format: str, split: str, by: User) -> TrainingExport:
    """Queue a file of a version. Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    require_right(by, version.team_id)
    if format not in FORMATS or split not in TrainingExport.Split.values:
        raise InvalidInput(_("Choose a format and a split."), field="format")
    if version.status != Job.DONE:
        raise Conflict(_("This version is not ready yet."))
    if TrainingExport.objects.filter(created_by=by, status__in=GOING).count() >= MOST_AT_ONCE:
        raise Conflict(_("You have several files in the making. Wait for one of them, or stop it."))
    export = TrainingExport.objects.create(
        team_id=version.team_id,
        version=version,
        format=format,
        split=split,
        rows_expected=_expected(version, split),
        created_by=by,
        beat_at=timezone.now(),
    )
    enqueue_on_commit(TASK, str(export.id))
    return export


def write_file(export_id: UUID) -> bool:
    """Write a file from its beginning to its end; whether there is one now. Safe to repeat: the bytes are the same."""
    export = TrainingExport.objects.filter(id=export_id, status__in=GOING).select_related("version").first()
    if export is None:
        return False
    export.status = Job.RUNNING
    target = Path(settings.MEDIA_ROOT) / FOLDER / f"{export.id}.{FORMATS[export.format].extension}"
    # Two workers never write one file: what is ready takes the name at the end.
    making = target.with_suffix(f".{timezone.now().timestamp():.6f}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with making.open("wb") as file:
            _write(export, file)
        with making.open("rb") as file:
            export.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        export.size = making.stat().st_size
        making.replace(target)
        export.path = f"{FOLDER}/{target.name}"
        _end(export, Job.DONE)
    except _Overtaken:
        making.unlink(missing_ok=True)
        return False
    except OSError as exc:
        making.unlink(missing_ok=True)
        _end(export, Job.FAILED, error=_("The file could not be written: %(why)s.") % {"why": exc.strerror or exc})
        return False
    return True


def stop_file(export: TrainingExport, *, by: User) -> None:
    """End a job that is going on. Raises NotFound, NotAllowed."""
    require_right(by, export.team_id)
    TrainingExport.objects.filter(id=export.id, status__in=GOING).update(status=Job.STOPPED, finished_at=timezone.now())


def go_on_with_files() -> int:
    """Queue what no worker has touched for a while; how many."""
    silent = TrainingExport.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:100])
    for export_id in ids:
        enqueue(TASK, str(export_id))
    return len(ids)


def forget_files() -> int:
    """Delete the files whose time is over; the record stays, and the file can be made again. How many."""
    forgotten = 0
    for export in TrainingExport.objects.filter(expires_at__lt=timezone.now()).exclude(path="")[:1000]:
        path_of(export).unlink(missing_ok=True)
        forgotten += TrainingExport.objects.filter(id=export.id).update(path="")
    _sweep()
    return forgotten


def forget_file(export: TrainingExport) -> None:
    """Delete a file before its time, and end the job that is writing it."""
    going = TrainingExport.objects.filter(id=export.id, status__in=GOING)
    going.update(status=Job.STOPPED, finished_at=timezone.now())
    export.refresh_from_db(fields=["path"])
    if export.path:
        path_of(export).unlink(missing_ok=True)
        TrainingExport.objects.filter(id=export.id).update(path="")


def _sweep() -> None:
    """What workers that died had begun."""
    yesterday = (timezone.now() - dt.timedelta(days=1)).timestamp()
    for begun in (Path(settings.MEDIA_ROOT) / FOLDER).glob("*.part"):
        if begun.stat().st_mtime < yesterday:
            begun.unlink(missing_ok=True)


def path_of(export: TrainingExport) -> Path:
    """Where the file of an export is."""
    return Path(settings.MEDIA_ROOT) / export.path


def _write(export: TrainingExport, file: BinaryIO) -> None:
    sink = open_sink(file, format=export.format)
    export.rows_read = export.rows_done = export.tokens = 0
    export.left_out, export.faults = {}, []
    for page in _pages(export):
        sink.write(_lines(export, page))
        _beat(export)
    sink.close()


def _lines(export: TrainingExport, page: list[TrainingExample]) -> Iterator[Line]:
    """The good lines of a page; what is not good is counted and told."""
    format = FORMATS[export.format]
    left_out: Counter[str] = Counter(export.left_out)
    for row in page:
        export.rows_read += 1
        entry = _entry(row)
        reason = format.leaves_out(entry.example)
        line = {} if reason else format.line(entry)
        fault = "" if reason else fault_of(line, format=export.format)
        if fault:
            reason = "invalid"
            if len(export.faults) < MOST_FAULTS:
                export.faults = [*export.faults, {"position": row.position, "fault": fault}]
        if reason:
            left_out[reason] += 1
            continue
        export.rows_done += 1
        export.tokens += row.tokens
        yield line
    export.left_out = dict(left_out)


def _pages(export: TrainingExport) -> Iterator[list[TrainingExample]]:
    rows = export.version.examples.order_by("position")
    if export.split != TrainingExport.Split.ALL:
        rows = rows.filter(split=export.split)
    last = 0
    while page := list(rows.filter(position__gt=last)[:PAGE]):
        yield page
        last = page[-1].position


def _entry(row: TrainingExample) -> Entry:
    named = {name: str(getattr(row, name) or "") for name in ("message_id", "trace_id", "correction_id")}
    return Entry(
        # The id of the row differs between a version and its like; the key does not.
        id=row.key[:32],
        example=from_dict(row.content),
        split=row.split,
        tokens=row.tokens,
        source=row.source,
        **named,
    )


def _beat(export: TrainingExport) -> None:
    before, export.beat_at = export.beat_at, timezone.now()
    going = TrainingExport.objects.filter(id=export.id, status__in=GOING, beat_at=before)
    if not going.update(
        status=export.status, rows_read=export.rows_read, rows_done=export.rows_done, beat_at=export.beat_at
    ):
        raise _Overtaken


def _end(export: TrainingExport, status: str, *, error: str = "") -> None:
    export.status, export.error = status, error
    export.finished_at = timezone.now()
    export.expires_at = export.finished_at + KEPT
    names = ("status", "error", "finished_at", "expires_at", "rows_read", "rows_done", "tokens", "left_out", "faults")
    values = {name: getattr(export, name) for name in (*names, "path", "size", "sha256")}
    if not TrainingExport.objects.filter(id=export.id, status__in=GOING).update(**values) and export.path:
        path_of(export).unlink(missing_ok=True)


def _expected(version: TrainingVersion, split: str) -> int:
    shares = {"train": version.kept - version.validation, "validation": version.validation}
    return shares.get(split, version.kept)
