"""One item of an experiment: what was asked, expected and answered, beside another version; and results as a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.annotations.admin import experiment_words as words
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.named_values import written
from apps.annotations.admin.pages.experiment import opened, other_of
from apps.annotations.models import Experiment, Result
from apps.annotations.selectors.experiments import counterpart, open_result
from apps.annotations.selectors.measuring import fingerprint
from apps.annotations.selectors.reasons import reason_of
from apps.annotations.services.exporting_results import results_file
from support.errors import InvalidInput, NotFound
from support.word_diff import diff_words


@require_safe
def result(request: HttpRequest, experiment_id: UUID, number: int) -> HttpResponse:
    """The item, and the same item of the experiment it is compared with."""
    found = opened(request, experiment_id)
    against = other_of(request, found)
    try:
        row = open_result(found, number)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    beside = counterpart(row, in_experiment=against) if against is not None else None
    before, after = neighbours(found, number)
    context = {
        **admin.site.each_context(request),
        "title": _("Item %(n)s") % {"n": number},
        "experiment": found,
        "against": against,
        "row": row,
        "item": row.item,
        "said": _said(row),
        "reason": reason_of(row, who="app"),
        "expected": written(row.item.expected)[1],
        "from_expected": _against_expected(row),
        "trace_url": trace_url(row.run_id) if row.run_id else None,
        "beside": beside,
        "beside_said": _said(beside) if beside else "",
        "beside_reason": reason_of(beside, who="app") if beside else None,
        "beside_trace_url": trace_url(beside.run_id) if beside and beside.run_id else None,
        "pieces": diff_words(_said(beside), _said(row)) if beside else [],
        "scores": _scores(found, row, against, beside),
        "name": words.capital(words.name_of(found, beside=against)),
        "other_name": words.capital(words.name_of(against, beside=found)) if against else "",
        "before": before,
        "after": after,
        "query": f"?against={against.id}" if against else "?against=none" if request.GET.get("against") else "",
    }
    return TemplateResponse(request, "admin/annotations/experiment/result.html", context)


@require_safe
def export(request: HttpRequest, experiment_id: UUID, format: str) -> HttpResponseBase:
    """All results as CSV or JSON lines, streamed."""
    found = opened(request, experiment_id)
    try:
        return results_file(found, format=format)
    except InvalidInput as exc:
        raise Http404(str(exc)) from exc


def neighbours(found: Experiment, number: int) -> tuple[int | None, int | None]:
    """The numbers of the items just before and just after."""
    rows = Result.objects.filter(experiment=found)
    before = rows.filter(number__lt=number).order_by("-number").values_list("number", flat=True).first()
    after = rows.filter(number__gt=number).order_by("number").values_list("number", flat=True).first()
    return before, after


def _said(row: Result | None) -> str:
    """The answer, or the outputs of an app that gives values."""
    if row is None:
        return ""
    return row.answer or (written(row.outputs)[1] if row.outputs else "")


def _against_expected(row: Result) -> list[Any]:
    """What one would change in the answer to get what is expected, where both are texts."""
    expected = row.item.expected
    return diff_words(row.answer, expected) if isinstance(expected, str) and row.answer else []


def _scores(found: Experiment, row: Result, against: Experiment | None, beside: Result | None) -> list[dict[str, Any]]:
    """Each evaluator with what it says of this answer, and of the other one if it judges alike there."""
    ours = {score.place: score for score in row.scores.all()}
    theirs: dict[bytes, Any] = {}
    if against is not None and beside is not None:
        by_place = {score.place: score for score in beside.scores.all()}
        theirs = {fingerprint(spec): by_place.get(place) for place, spec in enumerate(against.specs)}
    return [
        {
            "spec": spec,
            "score": ours.get(place),
            "reason": reason_of(ours[place]) if place in ours else None,
            "other": theirs.get(fingerprint(spec)),
        }
        for place, spec in enumerate(found.specs)
    ]
