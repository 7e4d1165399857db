"""One item of an experiment: what was asked, expected and answered, beside another version; and results as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.annotations.admin import experiment_words as words
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.named_values import written
from apps.annotations.admin.pages.experiment import opened, other_of
from apps.annotations.golden.writing import guarded
from apps.annotations.models import Experiment, Result
from apps.annotations.selectors.experiments import counterpart, open_result, results_of
from apps.annotations.selectors.measuring import fingerprint
from apps.annotations.selectors.reasons import reason_of
from support.errors import NotFound
from support.word_diff import diff_words

BATCH = 200


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
def export(request: HttpRequest, experiment_id: UUID) -> HttpResponseBase:
    """All results as CSV, streamed."""
    found = opened(request, experiment_id)
    response = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
    name = re.sub(r"[^a-z0-9]+", "-", str(found).lower()).strip("-")
    response["Content-Disposition"] = f'attachment; filename="experiment-{name}.csv"'
    return response


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


def _lines(found: Experiment) -> Iterator[bytes]:
    columns = ["number", "question", "inputs", "expected", "status", "answer", "outputs", "error", "trace_id"]
    columns += ["seconds", "tokens", "cost"]
    for spec in found.specs:
        columns += [f"{spec['name']}: {part}" for part in ("score", "passed", "verdict", "why", "error")]
    yield b"\xef\xbb\xbf" + _line(columns)
    after = 0
    while rows := results_of(found, after=after, size=BATCH):
        after = rows[-1].number
        yield b"".join(_line(_cells(row, found)) for row in rows)


def _cells(row: Result, found: Experiment) -> list[str]:
    item = row.item
    cells = [
        str(row.number),
        item.question,
        written(item.inputs)[1] if item.inputs else "",
        written(item.expected)[1],
        row.status,
        row.answer,
        written(row.outputs)[1] if row.outputs else "",
        row.error_message or row.error_code,
        str(row.run_id or ""),
        "" if row.elapsed is None else f"{row.elapsed:.3f}",
        str(row.tokens),
        "" if row.cost is None else f"{row.cost.normalize():f}",
    ]
    scores = {score.place: score for score in row.scores.all()}
    for place in range(len(found.specs)):
        score = scores.get(place)
        if score is None:
            cells += [""] * 5
            continue
        number = "" if score.score is None else f"{score.score:g}"
        passed = "" if score.passed is None else str(int(score.passed))
        cells += [number, passed, score.label, score.explanation, score.error_message or score.error_code]
    return cells


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return text.getvalue().encode()
