"""What people do to single chunks: change, hide, delete, add, and take back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, Document
from apps.datasets.pages.access import dataset_page
from apps.datasets.pages.documents import document_or_404
from apps.datasets.services import chunks as service
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
