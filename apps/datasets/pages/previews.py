"""How a document would be cut: settings beside what they make of its first pages, before anything is embedded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, Document
from apps.datasets.pages.access import dataset_page
from apps.datasets.pages.chunking_forms import PreviewForm
from apps.datasets.pages.documents import document_or_404
from apps.datasets.selectors.documents import documents_of, progress_of
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.documents import change_document_settings, retry_document
from apps.datasets.services.models import chat_model_names
from apps.datasets.services.previewing import Preview, preview
from apps.datasets.services.runs import resume_indexing
from apps.datasets.settings_of_dataset import as_stored, read_settings, settings_of_document
from support.errors import ConsoleError

OWN = ("chunking", "cleaning")


@dataset_page("edit")
def preview_document(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """Choose settings, see what they make of the first pages, then start."""
    document = document_or_404(dataset, document_id)
    others = _waiting(dataset).exclude(id=document.id)
    stored = as_stored(settings_of_document(dataset.settings, document.settings))
    models = chat_model_names(dataset.team_id)
    form = PreviewForm.of(stored, request.POST or None, others=others.count(), models=models)
    settings: dict[str, Any] = stored
    if form.is_bound and form.is_valid():
        settings = form.settings
        if "show" not in request.POST:
            number = _use(dataset, document, settings, scope=form.cleaned_data["scope"])
            words = _("“%(name)s” is being indexed.") if number == 1 else _("Documents being indexed: %(number)s.")
            messages.success(request, words % {"name": document.name, "number": number})
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


def _waiting(dataset: Dataset) -> QuerySet[Document]:
    """Uploads that nobody has started yet: held back until somebody has seen how they would be cut."""
    held = documents_of(dataset).filter(status=Document.Status.PAUSED, version=0)
    return held.filter(runs__finished_at=None, runs__pages_done=0, runs__total=0)


def _use(dataset: Dataset, document: Document, settings: dict[str, Any], *, scope: str) -> int:
    """Store the settings where they are meant for, and start; returns how many documents are started."""
    own = {part: settings[part] for part in OWN}
    if scope == "dataset":
        change_settings(dataset, {**dataset.settings, **own} if "chunk" not in dataset.settings else settings)
        own = {}
    elif own == _parts(dataset):
        own = {}  # nothing of its own: then it follows its dataset
    waiting = list(_waiting(dataset).exclude(id=document.id)) if scope == "waiting" else []
    for each in (document, *waiting):
        change_document_settings(each, own)
        # A held document goes on; one that was indexed already is read again.
        if not resume_indexing(each):
            retry_document(each)
    return 1 + len(waiting)


def _parts(dataset: Dataset) -> dict[str, Any]:
    stored = as_stored(read_settings(dataset.settings))
    return {part: stored[part] for part in OWN}


def _preview(document: Document, settings: dict[str, Any]) -> tuple[Preview | None, str]:
    try:
        return preview(document, read_settings(settings)), ""
    except ConsoleError as exc:
        return None, exc.message
