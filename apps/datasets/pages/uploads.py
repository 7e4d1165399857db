"""Files that people send: new documents, held back if they want to see first how they would be cut, and other files
for documents that are there."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page
from apps.datasets.pages.documents import document_or_404
from apps.datasets.selectors.documents import reason_of
from apps.datasets.services.documents import Added, add_document, rename_document
from apps.datasets.services.runs import pause_indexing


@require_POST
@dataset_page("edit")
def upload(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Keep the files of a form. A script sends them one by one and gets JSON; without it one form sends all."""
    hold = request.POST.get("hold") == "on"
    added = [_add(request, dataset, file, hold=hold) for file in request.FILES.getlist("files")]
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"files": added})
    for one in added:
        (messages.error if one["outcome"] == "refused" else messages.success)(request, one["message"])
    if not added:
        messages.error(request, _("Choose at least one file."))
    held = [one["preview"] for one in added if "preview" in one]
    if held:
        return redirect(held[0])
    return redirect("datasets:dataset", dataset.slug)


@require_POST
@dataset_page("edit")
def replace(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """Give a document another file; what was indexed stays searchable until that one is."""
    found = document_or_404(dataset, document_id)
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, _("Choose at least one file."))
        return redirect("datasets:document", dataset.slug, found.id)
    name = file.name or found.name
    with transaction.atomic():
        added = add_document(dataset=dataset, name=name, content=file.chunks(), by=request.user, replaces=found.id)
        if added.document.id == found.id and added.outcome == "replaced" and _ending(name) != _ending(found.name):
            rename_document(found, name=name)  # the ending says how the file is read
    (messages.error if added.outcome == "refused" else messages.success)(request, _sentence(added, name))
    return redirect("datasets:document", dataset.slug, found.id)


def _add(request: HttpRequest, dataset: Dataset, file: Any, *, hold: bool) -> dict[str, str]:
    """Keep one file; `hold` leaves it unread until somebody has seen how it would be cut."""
    with transaction.atomic():  # so that no worker finds it before it is held
        added = add_document(dataset=dataset, name=file.name, content=file.chunks(), by=request.user, enqueue=not hold)
        is_held = hold and added.run_id is not None and pause_indexing(added.document)
    answer = {"name": file.name, "outcome": added.outcome, "message": _sentence(added, file.name)}
    if is_held:
        answer["preview"] = reverse("datasets:preview", args=[dataset.slug, added.document.id])
    return answer


def _sentence(added: Added, name: str) -> str:
    if added.outcome == "refused":
        return f"{name}: {reason_of(added.document)}"
    if added.outcome == "replaced":
        return _("“%(name)s” is read from the new file.") % {"name": added.document.name}
    if added.outcome == "unchanged":
        return _("%(name)s is already here, as “%(other)s”.") % {"name": name, "other": added.document.name}
    return _("%(name)s is uploaded.") % {"name": name}


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
