"""Trying a dataset: what a question finds, what each leg thought of it, and how other settings would have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.retrieval_forms import kept_settings
from apps.datasets.pages.search_form import METHOD_LABELS, QuestionForm, SettingsForm
from apps.datasets.selectors.datasets import document_counts
from apps.datasets.selectors.queries import figures_of, queries_of
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.models import rerank_model_names
from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import Found, RetrievedPassage, Search, search
from apps.datasets.text.analyze import analyze
from apps.datasets.text.highlight import highlighted
from support.errors import ConsoleError, InvalidInput

PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A passage with its words marked."""

    hit: RetrievedPassage
    pieces: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One way of asking, and what came of it."""

    name: str
    form: SettingsForm
    found: Found | None = None
    hits: tuple[Shown, ...] = ()
    highest: float = 1.0
    """What a full bar stands for: scores of another program may be of any size."""
    highest_lexical: float = 1.0
    method: Any = ""
    error: str = ""


@dataset_page()
def search_test(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The search form and, once something was asked, the passages with every leg's score."""
    asked = "q" in request.GET
    form = QuestionForm(request.GET if asked else None)
    rerankers = rerank_model_names(dataset.team_id)
    compares = bool(request.GET.get("compare"))
    forms = [
        SettingsForm(request.GET if asked else None, prefix=prefix, dataset=dataset, rerankers=rerankers)
        for prefix in (None, "b")[: 1 + compares]
    ]
    names = ("A", "B") if compares else ("",)
    results = [Result(name=name, form=each) for name, each in zip(names, forms, strict=True)]
    valid = [each.is_valid() for each in (form, *forms)]  # each of them shows its faults
    if asked and all(valid):
        results = [_result(request, dataset, form.cleaned_data["q"], each) for each in results]
    context = {
        "dataset": dataset,
        "tab": "search",
        "form": form,
        "results": results,
        "compares": compares,
        "has_asked": asked,
        "is_external": dataset.kind == Dataset.Kind.EXTERNAL,
        "counts": document_counts(dataset),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/search.html", context)


@require_POST
@dataset_page("edit")
def keep(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Make what was tried the dataset's own settings, for apps too; then show the question with them."""
    prefix = "b" if request.POST.get("side") == "b" else None
    tried = SettingsForm(request.POST, prefix=prefix, dataset=dataset, rerankers=rerank_model_names(dataset.team_id))
    query = request.POST.get("q", "")
    try:
        if not tried.is_valid():
            raise InvalidInput(_("These settings cannot be kept. Search with them first."))
        change_settings(dataset, kept_settings(dataset, tried))
        messages.success(request, _("Kept. Apps and programs search this dataset so from now on."))
    except InvalidInput as exc:
        messages.error(request, exc.message)
    address = reverse("datasets:search", args=[dataset.slug])
    return redirect(f"{address}?{urlencode({'q': query})}" if query else address)


@dataset_page()
def queries(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """What the dataset was asked lately, by whom, and what it found."""
    text, source = request.GET.get("q", "").strip(), request.GET.get("source", "")
    nothing = request.GET.get("nothing") == "1"
    listed = Paginator(queries_of(dataset, text=text, source=source, found_nothing=nothing), PER_PAGE)
    page = listed.get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "tab": "queries",
        "page": page,
        "rows": [{"query": each, "method": METHOD_LABELS.get(each.method, each.method)} for each in page],
        "figures": figures_of(dataset),
        "search": text,
        "source": source,
        "nothing": nothing,
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/queries.html", context)


def _result(request: HttpRequest, dataset: Dataset, query: str, asked: Result) -> Result:
    try:
        found = search(Search(team_id=dataset.team_id, datasets=[str(dataset.id)], query=query, **asked.form.options()))
    except ConsoleError as exc:
        return Result(name=asked.name, form=asked.form, error=exc.message)
    log_query(found, query=query, team_id=dataset.team_id, source="test", by=request.user)
    terms = set(analyze(query))
    return Result(
        name=asked.name,
        form=asked.form,
        found=found,
        hits=tuple(Shown(hit=hit, pieces=highlighted(hit.text, terms)) for hit in found.passages),
        highest=max([1.0, *(hit.score for hit in found.passages)]),
        highest_lexical=max((hit.scores.get("lexical", 0.0) for hit in found.passages), default=0.0) or 1.0,
        method=METHOD_LABELS[found.method],
    )
