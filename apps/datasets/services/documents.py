"""Documents come, are renamed, switched off, indexed again, and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from apps.datasets.models import Chunk, ChunkEdit, ChunkHit, ChunkParent, Dataset, Document, DocumentPage, IndexRun
from apps.datasets.services import figures
from apps.datasets.services.blobs import Draft, received, remove_blob
from apps.datasets.services.runs import Reason, end_run, start_run
from apps.datasets.services.spaces import forget_everywhere
from apps.datasets.settings_of_dataset import checked_settings
from support.errors import InvalidInput, TooLarge
from support.jobs import enqueue_on_commit

MAX_NAME = 500
Outcome = Literal["created", "replaced", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of an upload, and the run that indexes it (None when there is nothing to index)."""

    document: Document
    outcome: Outcome
    run_id: UUID | None = None


def add_document(
    *,
    dataset: Dataset,
    name: str,
    content: Iterable[bytes],
    by: Any = None,
    replace_same_name: bool = False,
    replaces: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    own_settings: Mapping[str, Any] | None = None,
    enqueue: bool = True,
) -> Added:
    """Keep a file and start to index it.

    Content that the dataset already holds is not added twice. With `replace_same_name`, other content under a name
    that is there becomes that document's next version; `replaces` names such a document by its id. `facts` is kept as
    its metadata: where it came from. `own_settings` (checked) says how it is cut where that differs from the dataset,
    and None leaves that as it is. A file over the size limit becomes a document in `error`.
    """
    name = _checked_name(name)
    if dataset.kind != Dataset.Kind.OWN:
        raise InvalidInput(gettext("This dataset is kept by another program: its documents are added there."))
    try:
        with received(content, limit=settings.MAX_UPLOAD_BYTES) as draft, transaction.atomic():
            older = Q(id=replaces) if replaces else Q(name=name) if replace_same_name else None
            added = _add(dataset, name=name, draft=draft, by=by, older=older, facts=facts or {}, enqueue=enqueue)
            if own_settings is not None and added.run_id:
                change_document_settings(added.document, own_settings)
            return added
    except TooLarge as exc:
        return Added(document=_refuse(dataset, name=name, error=exc, by=by), outcome="refused")


def _add(
    dataset: Dataset, *, name: str, draft: Draft, by: Any, older: Q | None, facts: Mapping[str, Any], enqueue: bool
) -> Added:
    _lock_content(draft.sha256)
    live = Document.objects.live().filter(dataset=dataset)
    same = live.filter(sha256=draft.sha256).first()
    if same is not None:
        return _again(same, name=name, enqueue=enqueue)
    replaced = live.filter(older).order_by("id").first() if older is not None else None
    values: dict[str, Any] = {"sha256": draft.sha256, "blob": draft.keep(), "size": draft.size}
    if replaced is not None:
        # What was indexed stays searchable until the new version is complete.
        Document.objects.filter(id=replaced.id).update(**values)
        run = start_run(replaced, enqueue=enqueue)
        return Added(document=_fresh(replaced), outcome="replaced", run_id=run.id)
    document = Document.objects.create(
        team_id=dataset.team_id,
        dataset=dataset,
        name=name,
        kind=_kind(name),
        metadata=dict(facts),
        created_by=by,
        **values,
    )
    run = start_run(document, enqueue=enqueue)
    return Added(document=document, outcome="created", run_id=run.id)


def _again(document: Document, *, name: str, enqueue: bool) -> Added:
    """The same content once more: nothing to do, unless it failed before."""
    if document.status not in (Document.Status.ERROR, Document.Status.CANCELLED):
        return Added(document=document, outcome="unchanged")
    # The name decides how a file is read, so the new one may be the cure.
    Document.objects.filter(id=document.id).update(name=name, kind=_kind(name))
    run = start_run(document, enqueue=enqueue)
    return Added(document=_fresh(document), outcome="replaced", run_id=run.id)


def _refuse(dataset: Dataset, *, name: str, error: TooLarge, by: Any) -> Document:
    """Show the refused file in the list, with the reason; once per name."""
    megabytes = settings.MAX_UPLOAD_BYTES // (1024 * 1024)
    reason = Reason(
        code=error.code,
        message=f"The file is over the limit of {megabytes} MB. Split it into smaller files, "
        "or ask an administrator to raise the limit.",
        params={"megabytes": megabytes},
    )
    document, _ = Document.objects.live().update_or_create(
        dataset=dataset,
        name=name,
        sha256="",
        deleted_at=None,
        defaults={"status": Document.Status.ERROR, "error": reason.as_dict()},
        create_defaults={
            "team_id": dataset.team_id,
            "kind": _kind(name),
            "created_by": by,
            "status": Document.Status.ERROR,
            "error": reason.as_dict(),
        },
    )
    return document


def retry_document(document: Document) -> IndexRun:
    """Index a document again. What is searchable now stays so until the new version is complete."""
    return start_run(document)


def rename_document(document: Document, *, name: str) -> None:
    """Give a document another name; citations show it at once."""
    Document.objects.filter(id=document.id).update(name=_checked_name(name), updated_at=timezone.now())


def change_document_settings(document: Document, settings: Mapping[str, Any]) -> None:
    """Cut a document in its own way from its next indexing on; nothing: as its dataset says. Raises InvalidInput."""
    if others := set(settings) - {"chunking", "cleaning"}:
        raise InvalidInput(gettext("A document has no setting %(name)s.") % {"name": ", ".join(sorted(others))})
    document.settings = checked_settings(settings)
    Document.objects.filter(id=document.id).update(settings=document.settings, updated_at=timezone.now())


def set_document_enabled(document: Document, *, enabled: bool) -> None:
    """Let a document be found, or not, without losing its index."""
    Document.objects.filter(id=document.id).update(is_enabled=enabled, updated_at=timezone.now())


@transaction.atomic
def delete_document(document: Document) -> None:
    """Nothing finds the document from now on; its rows and vectors go in the background."""
    Document.objects.filter(id=document.id, deleted_at=None).update(deleted_at=timezone.now())
    for run in document.runs.filter(finished_at=None):
        end_run(run.id, outcome=IndexRun.Outcome.CANCELLED)
    enqueue_on_commit("datasets.purge_document", str(document.id))


def purge_document(document_id: UUID) -> None:
    """Remove what a deleted document left: vectors first, so that a failure is tried again. Safe to repeat."""
    document = Document.objects.select_related("dataset").filter(id=document_id, deleted_at__isnull=False).first()
    if document is None:
        return
    forget_everywhere(document.dataset_id, document_ids=[document.id])
    with transaction.atomic():
        figures.subtract_version(document)
        for rows in (Chunk, ChunkParent, ChunkEdit):
            rows.objects.filter(document=document)._raw_delete("default")
        DocumentPage.objects.filter(document=document)._raw_delete("default")
        ChunkHit.objects.filter(document_id=document.id)._raw_delete("default")
        blobs = {document.blob, *document.runs.values_list("blob", flat=True)} - {""}
        IndexRun.objects.filter(document=document)._raw_delete("default")
        Document.objects.filter(id=document.id)._raw_delete("default")
    for name in blobs:
        _remove_unneeded(name)


def _remove_unneeded(blob: str) -> None:
    """Remove a file unless another document, of whichever team, has the same content."""
    with transaction.atomic():
        _lock_content(blob.rpartition("/")[2])
        if not Document.objects.filter(blob=blob).exists():
            remove_blob(blob)


def _lock_content(sha256: str) -> None:
    """Adding and removing one content take turns, so that a file is not removed while it is being added."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])


def _checked_name(name: str) -> str:
    cleaned = "".join(char for char in name if char.isprintable()).strip()
    if not cleaned:
        raise InvalidInput(gettext("A document needs a name."))
    return cleaned[:MAX_NAME] if len(cleaned) <= MAX_NAME else cleaned[: MAX_NAME - 20] + cleaned[-20:]


def _kind(name: str) -> str:
    return PurePosixPath(name).suffix.lower().lstrip(".")[:20]


def _fresh(document: Document) -> Document:
    document.refresh_from_db()
    return document
