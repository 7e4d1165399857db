"""A dataset's documents: the list that follows the indexing, uploads, and what one may do to a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, Document
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.selectors.datasets import document_counts
from apps.datasets.selectors.documents import (
    chunks_of,
    documents_of,
    edits_of,
    lost_edits_of,
    open_document,
    pages_of,
    progress_of,
    reason_of,
)
from apps.datasets.services.bulk import BULK, do_to_all
from apps.datasets.services.documents import (
    delete_document,
    retry_document,
    set_document_enabled,
)
from apps.datasets.services.runs import cancel_indexing, pause_indexing, resume_indexing
from apps.datasets.text.extract.kinds import EXTENSIONS
from support.errors import ConsoleError, NotFound

PER_PAGE = 50
CHUNKS_PER_PAGE = 40
FILTERS = {
    "": gettext_lazy("All"),
    "ready": gettext_lazy("Ready"),
    "indexing": gettext_lazy("Indexing"),
    "error": gettext_lazy("Error"),
}


@dataset_page()
def documents(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The documents with their state, and the place to drop new ones."""
    if dataset.kind == Dataset.Kind.EXTERNAL:
        return redirect("datasets:search", dataset.slug)  # its documents are elsewhere
    context = _rows(request, dataset) | {
        "tab": "documents",
        "filters": FILTERS,
        "accept": ",".join(sorted(EXTENSIONS)),
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_size": f"{settings.MAX_UPLOAD_BYTES // (1 << 20)} MB",
    }
    return render(request, "datasets/documents.html", context)


@dataset_page()
def rows(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The table's body alone, asked for again and again while something is being indexed."""
    return render(request, "datasets/parts/rows.html", _rows(request, dataset) | {"is_update": True})


VIEWS: Mapping[str, tuple[Callable[[Document], QuerySet[Any]], int]] = {
    "passages": (chunks_of, CHUNKS_PER_PAGE),
    "text": (pages_of, 5),
    "changes": (edits_of, CHUNKS_PER_PAGE),
}


@dataset_page()
def document(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """One document: its facts, its passages, its text."""
    found = document_or_404(dataset, document_id)
    wanted = request.GET.get("view", "")
    view = wanted if wanted in VIEWS else "passages"
    items, at_once = VIEWS[view]
    page = Paginator(items(found), at_once).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "document": found,
        "progress": progress_of(found),
        "reason": reason_of(found),
        "accept": ",".join(sorted(EXTENSIONS)),
        "view": view,
        "page": page,
        "lost": lost_edits_of(found),
        "has_changes": edits_of(found).exists(),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/document.html", context)


ACTIONS: Mapping[str, Callable[[Document], Any]] = {
    "retry": retry_document,
    "stop": cancel_indexing,
    "pause": pause_indexing,
    "resume": resume_indexing,
    "delete": delete_document,
    "enable": lambda document: set_document_enabled(document, enabled=True),
    "disable": lambda document: set_document_enabled(document, enabled=False),
}
DONE = {
    "retry": gettext_lazy("“%(name)s” is indexed again."),
    "stop": gettext_lazy("Indexing “%(name)s” is stopped."),
    "pause": gettext_lazy("Indexing “%(name)s” is paused."),
    "resume": gettext_lazy("Indexing “%(name)s” goes on."),
    "delete": gettext_lazy("“%(name)s” is deleted."),
    "enable": gettext_lazy("“%(name)s” can be found again."),
    "disable": gettext_lazy("“%(name)s” is no longer found."),
}


@require_POST
@dataset_page("edit")
def act(request: HttpRequest, dataset: Dataset, document_id: UUID, action: str) -> HttpResponse:
    """Do one thing to a document and go back to where the button was."""
    if action not in ACTIONS:
        raise Http404
    found = document_or_404(dataset, document_id)
    try:
        ACTIONS[action](found)
        messages.success(request, DONE[action] % {"name": found.name})
    except ConsoleError as exc:
        messages.error(request, str(exc))
    if request.POST.get("from") == "document" and action != "delete":
        return redirect("datasets:document", dataset.slug, found.id)
    return redirect("datasets:dataset", dataset.slug)


@require_POST
@dataset_page("edit")
def act_on_all(request: HttpRequest, dataset: Dataset, action: str) -> HttpResponse:
    """Do one thing to every document that it applies to."""
    if action not in BULK:
        raise Http404
    number = do_to_all(dataset, action)
    messages.success(request, ngettext("Done for %(n)d document.", "Done for %(n)d documents.", number) % {"n": number})
    return redirect("datasets:dataset", dataset.slug)


def _rows(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    search, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    status = status if status in FILTERS else ""
    page = Paginator(documents_of(dataset, search=search, status=status), PER_PAGE).get_page(request.GET.get("page"))
    counts = document_counts(dataset)
    return {
        "dataset": dataset,
        "page": page,
        "may_retry": _applies("retry-failed", dataset),
        "may_pause": _applies("pause-all", dataset),
        "may_resume": _applies("resume-all", dataset),
        "rows": [
            {"document": each, "progress": progress_of(each), "reason": reason_of(each)} for each in page.object_list
        ],
        "counts": counts,
        "search": search,
        "status": status,
        "may_edit": may_edit(request, dataset),
    }


def _applies(action: str, dataset: Dataset) -> bool:
    choose, _act = BULK[action]
    return choose(dataset).exists()


def document_or_404(dataset: Dataset, document_id: UUID) -> Document:
    """The dataset's document, or 404."""
    try:
        found = open_document(document_id, team_id=dataset.team_id)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    if found.dataset_id != dataset.id:
        raise Http404
    return found
