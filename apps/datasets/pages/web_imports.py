"""Documents from the web: the form, what is under way, and what became of each page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, WebImport, WebPage
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.web_forms import WebImportForm
from apps.datasets.selectors.web_imports import ImportProgress, explain_page, imports_of, open_import, pages_of_import
from apps.datasets.services.importing import retry_import, start_import, stop_import, sync_import
from support.errors import ConsoleError, InvalidInput, NotFound

PER_PAGE = 50


@dataset_page("edit")
def web_imports(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The form for a new import, and those there are."""
    form = WebImportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = start_import(dataset, by=request.user, **form.options())
        except InvalidInput as exc:
            form.add_error(None, exc.message)
        else:
            return redirect("datasets:web-import", dataset.slug, made.id)
    context = {
        "dataset": dataset,
        "tab": "web",
        "form": form,
        "imports": imports_of(dataset),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/web_imports.html", context)


@dataset_page()
def web_import(request: HttpRequest, dataset: Dataset, import_id: UUID) -> HttpResponse:
    """One import; while it runs its state is asked for again and again."""
    progress = _open(dataset, import_id)
    state = request.GET.get("status", "")
    state = state if state in WebPage.State.values else ""
    page = Paginator(pages_of_import(progress.row, state=state), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "tab": "web",
        "progress": progress,
        "page": page,
        "rows": [{"page": each, "reason": explain_page(each.error)} for each in page.object_list],
        "status": state,
        "figures": [(key, WebPage.State(key).label, number) for key, number in progress.figures],
        "is_running": progress.row.state == WebImport.State.RUNNING,
        "may_retry": progress.failed or progress.done < progress.total or progress.row.notes,
        "may_edit": may_edit(request, dataset),
    }
    partial = request.headers.get("HX-Request") == "true"
    return render(request, "datasets/parts/web_pages.html" if partial else "datasets/web_import.html", context)


ACTIONS: Mapping[str, tuple[Callable[[WebImport], Any], Any]] = {
    "sync": (sync_import, gettext_lazy("The pages are compared with what the web has now.")),
    "retry": (retry_import, gettext_lazy("What failed is fetched again.")),
    "stop": (stop_import, gettext_lazy("The import is stopped. What was fetched stays.")),
}


@require_POST
@dataset_page("edit")
def act_on_import(request: HttpRequest, dataset: Dataset, import_id: UUID, action: str) -> HttpResponse:
    """Do one thing to an import and go back to it."""
    if action not in ACTIONS:
        raise Http404
    act, done = ACTIONS[action]
    progress = _open(dataset, import_id)
    try:
        act(progress.row)
        messages.success(request, done)
    except ConsoleError as exc:
        messages.error(request, exc.message)
    return redirect("datasets:web-import", dataset.slug, import_id)


def _open(dataset: Dataset, import_id: UUID) -> ImportProgress:
    try:
        return open_import(import_id, dataset=dataset)
    except NotFound as exc:
        raise Http404(exc.message) from exc
