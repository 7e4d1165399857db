"""Measuring a dataset on its pages: upload questions, let a worker ask them, look at the result and take it along."""

from __future__ import annotations

import csv
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, Evaluation
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.search_form import METHOD_LABELS
from apps.datasets.services.evaluate import MEASURES, Variant, read_questions
from apps.datasets.services.evaluate_jobs import delete_evaluation, start_evaluation
from apps.datasets.services.models import rerank_model_names
from support.errors import ConsoleError

MAX_BYTES = 8 * 1024 * 1024
COMPARED: dict[str, tuple[Any, dict[str, Any]]] = {
    "full_text": (METHOD_LABELS["full_text"], {"method": "full_text", "rerank": ""}),
    "semantic": (METHOD_LABELS["semantic"], {"method": "semantic", "rerank": ""}),
    "hybrid": (METHOD_LABELS["hybrid"], {"method": "hybrid", "rerank": ""}),
    "rrf": (gettext_lazy("Reciprocal ranks"), {"method": "hybrid", "fusion": "rrf", "rerank": ""}),
    "as set": (gettext_lazy("As the dataset is set"), {}),
}


class EvaluationForm(forms.Form):
    """A file of questions, and what to compare."""

    file = forms.FileField(
        label=gettext_lazy("Questions"),
        help_text=gettext_lazy(
            'JSON lines: {"question": "…", "relevant": ["document.pdf"]}. A document is named with or without its '
            'ending, or by its id; {"document.pdf": 2} gives it a grade.'
        ),
    )
    variants = forms.MultipleChoiceField(
        label=gettext_lazy("Compare"), widget=forms.CheckboxSelectMultiple, initial=["hybrid", "semantic", "full_text"]
    )
    weight = forms.FloatField(
        label=gettext_lazy("And words and vectors with this weight of words"), min_value=0, max_value=1, required=False
    )

    def __init__(self, *args: Any, dataset: Dataset, rerankers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if dataset.kind == Dataset.Kind.EXTERNAL:
            # The other program searches as it likes: there is one way only.
            del self.fields["weight"]
            self._offer([("as set", COMPARED["as set"][0])])
            self.fields["variants"].initial = ["as set"]
            return
        named = [(f"rerank {name}", _("Reranked by %(model)s") % {"model": name}) for name in rerankers]
        self._offer([*((key, label) for key, (label, _options) in COMPARED.items()), *named])

    def _offer(self, choices: list[tuple[str, Any]]) -> None:
        self.fields["variants"].choices = choices  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 8 MB."))
        return file

    def chosen(self) -> list[Variant]:
        """The ways of searching that were chosen."""
        found = [_variant(name) for name in self.cleaned_data["variants"]]
        weight = self.cleaned_data.get("weight")
        if weight is not None:
            found.append(Variant(name=f"hybrid, {weight:g}", method="hybrid", weight=weight, rerank=""))
        return found


@dataset_page()
def evaluations(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """What was measured, and a form to measure again."""
    form = EvaluationForm(
        request.POST or None, request.FILES or None, dataset=dataset, rerankers=rerank_model_names(dataset.team_id)
    )
    edits = may_edit(request, dataset)
    if request.method == "POST" and not edits:
        raise PermissionDenied
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = start_evaluation(
                dataset,
                name=file.name,
                questions=read_questions(file.read().splitlines()),
                variants=form.chosen(),
                by=request.user,
            )
            return redirect("datasets:evaluation", dataset.slug, made.id)
        except ConsoleError as exc:
            form.add_error("file", exc.message)
    listed = dataset.evaluations.defer("questions", "results").select_related("created_by")[:50]
    context = {"dataset": dataset, "tab": "evaluations", "form": form, "evaluations": listed, "may_edit": edits}
    return render(request, "datasets/evaluations.html", context)


@dataset_page()
def evaluation(request: HttpRequest, dataset: Dataset, evaluation_id: UUID) -> HttpResponse:
    """One measurement: its progress, then a plot and the same numbers as a table."""
    found = _open(dataset, evaluation_id)
    context = {
        "dataset": dataset,
        "tab": "evaluations",
        "evaluation": found,
        "percent": 100 * found.done // max(1, found.total),
        "question_count": len(found.questions),
        "is_open": found.state in (Evaluation.State.WAITING, Evaluation.State.RUNNING),
        "measures": [_measure_label(name) for name in MEASURES],
        "rows": [_row(each) for each in found.summary],
        "chart": _chart(found),
        "may_edit": may_edit(request, dataset),
    }
    part = (
        "datasets/parts/evaluation_progress.html" if request.headers.get("HX-Request") else "datasets/evaluation.html"
    )
    response = render(request, part, context)
    if request.headers.get("HX-Request") and not context["is_open"]:
        response["HX-Refresh"] = "true"
    return response


@dataset_page()
def evaluation_csv(request: HttpRequest, dataset: Dataset, evaluation_id: UUID) -> HttpResponse:
    """Every question with the measures of every variant, as a table to take along."""
    found = _open(dataset, evaluation_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="evaluation-{found.id}.csv"'
    rows = csv.writer(response)
    rows.writerow(["id", "question", "variant", *MEASURES, "ms"])
    for variant, result in zip(found.variants, found.results, strict=False):
        for at, elapsed in enumerate(result["elapsed_ms"]):
            question = found.questions[at]
            values = [result["values"][name][at] for name in MEASURES]
            rows.writerow([_cell(question["id"]), _cell(question["text"]), variant["name"], *values, elapsed])
    return response


@require_POST
@dataset_page("edit")
def remove_evaluation(request: HttpRequest, dataset: Dataset, evaluation_id: UUID) -> HttpResponse:
    """Delete a measurement, also one that is still going on."""
    delete_evaluation(_open(dataset, evaluation_id))
    messages.success(request, _("The evaluation is deleted."))
    return redirect("datasets:evaluations", dataset.slug)


def _open(dataset: Dataset, evaluation_id: UUID) -> Evaluation:
    found = dataset.evaluations.filter(id=evaluation_id).first()
    if found is None:
        raise Http404
    return found


def _variant(name: str) -> Variant:
    if name in COMPARED:
        return Variant(name=name.replace("_", " "), **COMPARED[name][1])
    return Variant(name=name, rerank=name.removeprefix("rerank "))


def _row(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _variant_label(summary["variant"]["name"]),
        "values": [summary["measures"][name] for name in MEASURES],
        "p50_ms": summary["p50_ms"],
        "p95_ms": summary["p95_ms"],
        "difference": summary.get("difference"),
        "failed_reranks": summary["failed_reranks"],
    }


def _chart(found: Evaluation) -> dict[str, Any]:
    """What the plot shows: a group of bars for each measure, with the interval of each."""
    names = ("ndcg@10", "recall@1", "recall@5", "recall@10", "mrr")
    series = [
        {"name": str(_variant_label(row["variant"]["name"])), "values": [row["measures"][name] for name in names]}
        for row in found.summary
    ]
    return {"labels": [_measure_label(name) for name in names], "series": series}


def _variant_label(name: str) -> Any:
    """A way of searching, as the search test and the form call it."""
    key = name if name in COMPARED else name.replace(" ", "_")
    if key in COMPARED:
        return COMPARED[key][0]
    if name.startswith("rerank "):
        return _("Reranked by %(model)s") % {"model": name.removeprefix("rerank ")}
    if name.startswith("hybrid, "):
        return _("Words and vectors, weight of words %(weight)s") % {"weight": name.removeprefix("hybrid, ")}
    return name


def _measure_label(name: str) -> str:
    """A measure as papers write it, in the plot and in the table."""
    return {"ndcg@10": "nDCG@10", "mrr": "MRR"}.get(name, name.capitalize())


def _cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
