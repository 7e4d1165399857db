"""What people do to single chunks, and the preview of how a document would be cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, Document
from apps.datasets.pages.access import dataset_page
from apps.datasets.pages.chunking_forms import ChunkingForm
from apps.datasets.pages.documents import document_or_404
from apps.datasets.selectors.documents import progress_of
from apps.datasets.services import chunks as service
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.documents import retry_document
from apps.datasets.services.previewing import Preview, preview
from apps.datasets.services.runs import resume_indexing
from apps.datasets.settings_of_dataset import read_settings
from apps.datasets.text.errors import ExtractionError
from support.errors import ConsoleError

CHUNK_ACTIONS: Mapping[str, Callable[[HttpRequest, Document, UUID], Any]] = {
    "edit": lambda request, document, key: service.edit_chunk(
        document,
        key,
        text=request.POST.get("text", ""),
        answer=request.POST.get("answer"),
        by=request.user,
    ),
    "enable": lambda request, document, key: service.set_chunk_enabled(document, key, enabled=True, by=request.user),
    "disable": lambda request, document, key: service.set_chunk_enabled(document, key, enabled=False, by=request.user),
    "delete": lambda request, document, key: service.delete_chunk(document, key, by=request.user),
}
EDIT_ACTIONS: Mapping[str, Callable[[HttpRequest, Document, UUID], Any]] = {
    "undo": lambda request, document, key: service.undo_edit(document, key, by=request.user),
    "restore": lambda request, document, key: service.restore_chunk(document, key, by=request.user),
    "keep": lambda request, document, key: service.keep_lost_edit(document, key, by=request.user),
    "forget": lambda request, document, key: service.forget_edit(document, key),
}
DONE = {
    "edit": gettext_lazy("The passage is changed."),
    "enable": gettext_lazy("The passage can be found again."),
    "disable": gettext_lazy("The passage is no longer found."),
    "delete": gettext_lazy("The passage is deleted. You can take that back under Changes."),
    "add": gettext_lazy("The passage is added."),
    "undo": gettext_lazy("The change is taken back."),
    "restore": gettext_lazy("The passage is as in the file again."),
    "keep": gettext_lazy("Your text is a passage of its own now."),
    "forget": gettext_lazy("The change is forgotten."),
}


@require_POST
@dataset_page("edit")
def act_on_chunk(
    request: HttpRequest, dataset: Dataset, document_id: UUID, chunk_id: UUID, action: str
) -> HttpResponse:
    """Change one chunk and go back to the list where it stands."""
    return _act(request, dataset, document_id, chunk_id, action, CHUNK_ACTIONS)


@require_POST
@dataset_page("edit")
def act_on_edit(request: HttpRequest, dataset: Dataset, document_id: UUID, edit_id: UUID, action: str) -> HttpResponse:
    """Do something about an earlier change."""
    return _act(request, dataset, document_id, edit_id, action, EDIT_ACTIONS)


@require_POST
@dataset_page("edit")
def add_chunk(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """Add a chunk that is not in the file."""
    document = document_or_404(dataset, document_id)
    text, answer = request.POST.get("text", ""), request.POST.get("answer", "")
    _try(request, "add", lambda: service.add_chunk(document, text=text, answer=answer, by=request.user))
    return _back(request, dataset, document)


@dataset_page("edit")
def preview_document(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """Choose settings, see what they make of the first pages, then start."""
    document = document_or_404(dataset, document_id)
    form = ChunkingForm.of(dataset.settings, request.POST or request.GET or None)
    settings = dataset.settings
    if form.is_bound and form.is_valid():
        settings = form.settings
        if request.method == "POST" and "show" not in request.POST:
            change_settings(dataset, settings)
            _start(document)
            messages.success(request, _("“%(name)s” is being indexed.") % {"name": document.name})
            return redirect("datasets:dataset", dataset.slug)
    shown, error = _preview(document, settings)
    context = {
        "dataset": dataset,
        "document": document,
        "form": form,
        "preview": shown,
        "error": error,
        "rows": list(zip(shown.chunks, shown.tokens, strict=True)) if shown else [],
        "is_waiting": progress_of(document) is not None,
    }
    return render(request, "datasets/preview.html", context)


def _preview(document: Document, settings: dict[str, Any]) -> tuple[Preview | None, str]:
    try:
        return preview(document, read_settings(settings)), ""
    except ExtractionError as exc:
        return None, exc.message
    except ConsoleError as exc:
        return None, exc.message


def _start(document: Document) -> None:
    """Let a held document go on; read one again that had been indexed already."""
    if not resume_indexing(document):
        retry_document(document)


def _act(
    request: HttpRequest,
    dataset: Dataset,
    document_id: UUID,
    key: UUID,
    action: str,
    actions: Mapping[str, Callable[[HttpRequest, Document, UUID], Any]],
) -> HttpResponse:
    if action not in actions:
        raise Http404
    document = document_or_404(dataset, document_id)
    _try(request, action, lambda: actions[action](request, document, key))
    return _back(request, dataset, document)


def _try(request: HttpRequest, action: str, do: Callable[[], Any]) -> None:
    try:
        do()
        messages.success(request, DONE[action])
    except ConsoleError as exc:
        messages.error(request, exc.message)


def _back(request: HttpRequest, dataset: Dataset, document: Document) -> HttpResponse:
    view = "changes" if request.POST.get("view") == "changes" else "passages"
    page = request.POST.get("page", "1")
    number = page if page.isdecimal() else "1"
    return redirect(f"{reverse('datasets:document', args=[dataset.slug, document.id])}?view={view}&page={number}")
