"""The list of datasets, a new one, its settings, and the end of it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.doors import refused_politely
from accounts.selectors import current_team, may
from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.chunking_forms import ChunkingForm
from apps.datasets.pages.forms import DatasetForm, NewDatasetForm
from apps.datasets.pages.retrieval_forms import RetrievalForm
from apps.datasets.selectors.datasets import datasets_of, document_counts
from apps.datasets.selectors.documents import documents_of
from apps.datasets.services.datasets import change_settings, create_dataset, delete_dataset, describe_dataset
from apps.datasets.services.models import chat_model_names, embedding_model_names, rerank_model_names, store_names
from apps.datasets.services.previewing import Changes, changes, outdated
from apps.datasets.services.spaces import move_under_way
from apps.datasets.services.spaces_health import store_conditions
from apps.datasets.settings_of_dataset import read_settings
from support.errors import ConsoleError, NotFound


@login_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    """The team's datasets by name."""
    try:
        team = current_team(request)
    except NotFound as exc:
        return render(request, "datasets/no_team.html", {"message": exc.message})
    search = request.GET.get("q", "").strip()
    datasets = datasets_of(team.id)
    if search:
        datasets = datasets.filter(name__icontains=search)
    context = {"datasets": datasets, "search": search, "may_edit": may(request.user, "edit", team_id=team.id)}
    return render(request, "datasets/list.html", context)


@login_required
@refused_politely
def new_dataset(request: HttpRequest) -> HttpResponse:
    """Make a dataset and go on to its documents."""
    team = current_team(request)
    if not may(request.user, "edit", team_id=team.id):
        raise PermissionDenied
    form = NewDatasetForm(request.POST or None, models=embedding_model_names(team.id), stores=store_names())
    if request.method == "POST" and form.is_valid():
        dataset = create_dataset(team_id=team.id, by=request.user, **form.cleaned_data)
        return redirect("datasets:dataset", dataset.slug)
    return render(request, "datasets/new.html", {"form": form})


@dataset_page("edit")
def dataset_settings(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """What people read about it, how it is searched, and the way to delete it."""
    part = request.POST.get("part", "") if request.method == "POST" else None
    initial = {"name": dataset.name, "description": dataset.description}
    form = DatasetForm(request.POST if part == "about" else None, initial=initial)
    search_form = RetrievalForm(
        request.POST if part == "search" else None, dataset=dataset, rerankers=rerank_model_names(dataset.team_id)
    )
    if form.is_valid():
        describe_dataset(dataset, **form.cleaned_data)
    elif search_form.is_valid():
        change_settings(dataset, search_form.settings)
    if form.is_valid() or search_form.is_valid():
        messages.success(request, _("Saved."))
        return redirect("datasets:settings", dataset.slug)
    context = {
        "dataset": dataset,
        "tab": "settings",
        "form": form,
        "search_form": search_form,
        "counts": document_counts(dataset),
        "store_condition": store_conditions().get(dataset.vector_store, "ok"),
        "move": move_under_way(dataset),
        "may_edit": may_edit(request, dataset),
        "may_move": dataset.kind == Dataset.Kind.OWN and may(request.user, "manage", team_id=dataset.team_id),
    }
    return render(request, "datasets/settings.html", context)


@dataset_page("edit")
def chunking(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """How its documents are cut and cleaned; what is indexed stays as it is until somebody asks for more."""
    form = ChunkingForm.of(dataset.settings, request.POST or None, models=chat_model_names(dataset.team_id))
    if request.method == "POST" and form.is_valid():
        change_settings(dataset, form.settings)
        messages.success(request, _("Saved."))
        return redirect("datasets:chunking", dataset.slug)
    number = _outdated_count(dataset)
    context = {
        "dataset": dataset,
        "tab": "chunking",
        "form": form,
        "outdated_count": number,
        "changes": _changes(dataset) if number and "changes" in request.GET else None,
        "own_count": documents_of(dataset).exclude(settings={}).count(),
        "example": documents_of(dataset).exclude(blob="").first(),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/chunking.html", context)


def _outdated_count(dataset: Dataset) -> int:
    """How many documents are indexed in another way than the settings say; none can be told without the model."""
    try:
        return len(outdated(dataset))
    except ConsoleError:
        return 0


def _changes(dataset: Dataset) -> Changes | None:
    try:
        return changes(dataset, read_settings(dataset.settings))
    except ConsoleError:
        return None


@require_POST
@dataset_page("edit")
def remove_dataset(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Delete a dataset with everything in it."""
    delete_dataset(dataset)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": dataset.name})
    return redirect("datasets:datasets")
