"""Trying a dataset: what a question finds, and what each leg thought of it."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.forms import SearchForm
from apps.datasets.selectors.datasets import document_counts
from apps.datasets.services.retrieve import retrieve
from support.errors import ConsoleError


@dataset_page()
def search(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The search form and, once something was asked, the passages with every leg's score."""
    form = SearchForm(request.GET if "q" in request.GET else None, initial={"method": "hybrid", "top_k": 8})
    context: dict[str, Any] = {
        "dataset": dataset,
        "tab": "search",
        "form": form,
        "counts": document_counts(dataset),
        "may_edit": may_edit(request, dataset),
    }
    if form.is_bound and form.is_valid():
        context |= _results(dataset, form.cleaned_data)
    return render(request, "datasets/search.html", context)


def _results(dataset: Dataset, asked: dict[str, Any]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        hits = retrieve(
            team_id=dataset.team_id,
            datasets=[dataset.slug],
            query=asked["q"],
            method=asked["method"],
            top_k=asked["top_k"],
        )
    except ConsoleError as exc:
        return {"error": exc.message}
    highest = max((hit.scores.get("lexical", 0.0) for hit in hits), default=0.0) or 1.0
    return {"hits": hits, "highest_lexical": highest, "elapsed_ms": (time.perf_counter() - started) * 1000}
