"""The page on which a dataset moves to another vector store or embedding model."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page
from apps.datasets.selectors.moves import move_progress, moves_of, waits_for_cleaning
from apps.datasets.services.migrating import end_move
from apps.datasets.services.migrating_copy import count_ready_chunks
from apps.datasets.services.migrating_jobs import ask_for_move
from apps.datasets.services.models import embedding_model_names, store_names
from apps.datasets.services.spaces import move_under_way
from support.errors import ConsoleError


class MoveForm(forms.Form):
    """Where a dataset goes; one of the two may stay as it is."""

    store = forms.ChoiceField(label=gettext_lazy("Vector store"))
    model = forms.ChoiceField(
        label=gettext_lazy("Embedding model"),
        help_text=gettext_lazy(
            "For another store the vectors are copied. For another model every passage is embedded again, which costs "
            "calls to its provider."
        ),
    )

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"store": dataset.vector_store, "model": dataset.embedding_model}
        stores = dict.fromkeys([dataset.vector_store, *store_names()])
        models = dict.fromkeys([dataset.embedding_model, *embedding_model_names(dataset.team_id)])
        self.fields["store"].choices = [(name, name) for name in stores if name != "memory"]  # type: ignore[attr-defined]
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            (name, _("hashing (built in)") if name == "hashing" else name) for name in models
        ]


# It costs money and touches what the installation keeps: it is for those who answer for the team.
@dataset_page("manage")
def move(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Ask for a move, and follow the one that is under way."""
    _only_own(dataset)
    form = MoveForm(request.POST or None, dataset=dataset)
    if request.method == "POST" and form.is_valid():
        try:
            ask_for_move(dataset, **form.cleaned_data)
            return redirect("datasets:move", dataset.slug)
        except ConsoleError as exc:
            form.add_error(None, exc.message)
    under_way = move_under_way(dataset)
    moves = moves_of(dataset)
    context = {
        "dataset": dataset,
        "tab": "settings",
        "form": form,
        "progress": move_progress(under_way) if under_way else None,
        "last": moves[0] if moves and not under_way else None,
        "moves": moves,
        "minutes": waits_for_cleaning(moves[0]) if moves else 0,
        "passages": count_ready_chunks(dataset.id),
        "may_edit": True,
    }
    if request.headers.get("HX-Request"):
        response = render(request, "datasets/parts/move_progress.html", context)
        if under_way is None:
            response["HX-Refresh"] = "true"
        return response
    return render(request, "datasets/move.html", context)


@require_POST
@dataset_page("manage")
def cancel_move(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Give up the move that is under way; the dataset stays where it is."""
    _only_own(dataset)
    under_way = move_under_way(dataset)
    try:
        if under_way is not None:
            end_move(under_way)
            messages.success(request, _("The move is given up. The dataset stays where it is."))
    except ConsoleError as exc:
        # It is given up all the same; what was copied could not be removed.
        messages.warning(request, exc.message)
    return redirect("datasets:move", dataset.slug)


def _only_own(dataset: Dataset) -> None:
    if dataset.kind != Dataset.Kind.OWN:
        raise Http404("Another program keeps this dataset.")
