"""One thing done to many documents of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet

from apps.datasets.models import Dataset, Document
from apps.datasets.services.documents import retry_document
from apps.datasets.services.previewing import outdated
from apps.datasets.services.runs import cancel_indexing, pause_indexing, resume_indexing
from support.errors import ConsoleError

Choice = Callable[[Dataset], QuerySet[Document]]
_Act = tuple[Choice, Callable[[Document], Any]]


def _live(dataset: Dataset) -> QuerySet[Document]:
    return Document.objects.live().filter(dataset=dataset).select_related("dataset")


def _outdated(dataset: Dataset) -> QuerySet[Document]:
    return _live(dataset).filter(id__in=outdated(dataset)).exclude(status__in=Document.UNFINISHED)


BULK: Mapping[str, _Act] = {
    "retry-failed": (
        lambda dataset: (
            _live(dataset)
            .filter(status__in=[Document.Status.ERROR, Document.Status.CANCELLED])
            .exclude(blob="")
            .exclude(status=Document.Status.ERROR, error__code__in=Document.NEEDS_OTHER_FILE)
        ),
        retry_document,
    ),
    "pause-all": (
        lambda dataset: _live(dataset).filter(status__in=Document.UNFINISHED).exclude(status=Document.Status.PAUSED),
        pause_indexing,
    ),
    "resume-all": (lambda dataset: _live(dataset).filter(status=Document.Status.PAUSED), resume_indexing),
    "stop-all": (lambda dataset: _live(dataset).filter(status__in=Document.UNFINISHED), cancel_indexing),
    "reindex": (_outdated, retry_document),
}


def do_to_all(dataset: Dataset, action: str) -> int:
    """Do it to every document that it applies to; returns how many. One that refuses does not stop the others."""
    choose, act = BULK[action]
    done = 0
    for document in choose(dataset).order_by("id").iterator(chunk_size=500):
        try:
            done += act(document) is not False
        except ConsoleError:
            continue
    return done
