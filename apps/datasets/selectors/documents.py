"""Reading documents and how far their indexing has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet

from apps.datasets.models import Chunk, ChunkEdit, Dataset, Document, DocumentPage, IndexRun
from apps.datasets.selectors.errors import DocumentNotFound
from apps.datasets.selectors.reasons import explain

#: What the part before the chunks are known is worth of the whole.
READING_SHARE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a document is: percent, and what it counts at the moment."""

    percent: int
    done: int
    total: int
    pages: int
    counts: str
    """`chunks` or `pages`: what `done` is a number of."""
    seconds_left: int | None = None
    """By the pace of the last minute; None when there is none yet, or the end is not known."""
    waiting: str = ""
    """Why nothing happens at the moment: what the provider said."""
    is_paused: bool = False


def open_document(document_id: UUID | str, *, team_id: UUID) -> Document:
    """The one way to a document. Raises DocumentNotFound, also when it belongs to another team."""
    try:
        document = with_progress(Document.objects.live().filter(team_id=team_id, id=document_id)).first()
    except ValidationError:
        document = None
    if document is None or document.dataset.deleted_at is not None:
        raise DocumentNotFound("There is no such document; it may have been deleted.")
    return document


def documents_of(dataset: Dataset, *, search: str = "", status: str = "") -> QuerySet[Document]:
    """The dataset's documents, newest first, with the run that is open."""
    documents = with_progress(Document.objects.live().filter(dataset=dataset))
    if search:
        documents = documents.filter(name__icontains=search)
    if status == "indexing":
        return documents.filter(status__in=Document.UNFINISHED)
    return documents.filter(status=status) if status else documents


def with_progress(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Fetch the open runs too, so that `progress_of` costs nothing more."""
    open_runs = Prefetch("runs", IndexRun.objects.filter(finished_at=None), to_attr="open_runs")
    return documents.select_related("dataset").prefetch_related(open_runs)


def progress_of(document: Document) -> Progress | None:
    """None when nothing is going on."""
    runs: list[IndexRun] = getattr(document, "open_runs", None) or list(document.runs.filter(finished_at=None))
    if not runs or not document.is_indexing:
        return None
    run = runs[0]
    shared: dict[str, Any] = {
        "pages": run.pages_done,
        "waiting": str((run.waiting or {}).get("message", "")),
        "is_paused": run.paused_at is not None,
    }
    if run.stage == IndexRun.Stage.READ or not run.total:
        total = run.page_total or 0
        share = run.pages_done / total if total else min(1.0, run.pages_done / 160)
        percent = 2 + int((READING_SHARE - 4) * min(1.0, share))
        left = _seconds_left(run, 1, total - run.pages_done) if total else None
        return Progress(percent=percent, done=run.pages_done, total=total, counts="pages", seconds_left=left, **shared)
    percent = READING_SHARE + (100 - READING_SHARE) * run.done // run.total
    left = _seconds_left(run, 2, run.total - run.done)
    return Progress(percent=percent, done=run.done, total=run.total, counts="chunks", seconds_left=left, **shared)


def _seconds_left(run: IndexRun, column: int, remaining: int) -> int | None:
    """What remains, at the pace between the first and the last mark of the last minute."""
    if run.paused_at is not None or len(run.marks) < 2:
        return None
    first: list[float] = run.marks[0]
    last: list[float] = run.marks[-1]
    done, seconds = last[column] - first[column], last[0] - first[0]
    if done <= 0 or seconds <= 0:
        return None
    return max(1, round(remaining * seconds / done))


def reason_of(document: Document) -> str:
    """Why a document ended in error and what to do next, in the reader's language; empty without an error."""
    return explain(document.error) if document.error else ""


def chunks_of(document: Document) -> QuerySet[Chunk]:
    """The chunks of the searchable version, in order."""
    chunks = Chunk.objects.filter(document=document, version=document.version)
    return chunks.defer("terms", "lexemes").order_by("ordinal")


def edits_of(document: Document) -> QuerySet[ChunkEdit]:
    """What people changed about its chunks, newest first."""
    return ChunkEdit.objects.filter(document=document).select_related("created_by").order_by("-id")


def lost_edits_of(document: Document) -> QuerySet[ChunkEdit]:
    """Changes whose passage the file does not have any more."""
    return edits_of(document).filter(is_current=True, lost_in=document.version, is_removed=False)


def pages_of(document: Document) -> QuerySet[DocumentPage]:
    """The page texts of the searchable version, in order and in parts; one page numbered 0 where a format has none."""
    return DocumentPage.objects.filter(document=document, version=document.version).order_by("number", "char_start")
