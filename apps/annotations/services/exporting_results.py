"""The results of an experiment as a file, page by page: a table for spreadsheets, or JSON lines for programs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final

from django.http import StreamingHttpResponse

from apps.annotations.models import Experiment, Result, ResultScore
from apps.annotations.selectors.experiments import results_of
from apps.traces.services.export_text import guarded, head_of, lines_of
from support.database import in_thread
from support.errors import InvalidInput

PAGE: Final = 200
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_COLUMNS: Final = (
    *("number", "question", "inputs", "expected", "status", "answer", "outputs", "error", "trace_id"),
    *("seconds", "tokens", "cost"),
)
_OF_EVALUATORS: Final = ("score", "passed", "verdict", "why", "error")


def results_file(experiment: Experiment, *, format: str) -> StreamingHttpResponse:
    """All results as a download that is made while it is sent, by number. Raises InvalidInput."""
    if format not in FORMATS:
        raise InvalidInput("The format must be one of: csv, jsonl.", field="format")
    response = StreamingHttpResponse(_pieces(experiment, format=format), content_type=FORMATS[format])
    name = re.sub(r"[^a-z0-9]+", "-", str(experiment).lower()).strip("-")
    response["Content-Disposition"] = f'attachment; filename="experiment-{name or experiment.id}.{format}"'
    return response


async def _pieces(experiment: Experiment, *, format: str) -> AsyncIterator[bytes]:
    columns = [*_COLUMNS, *_columns_of(experiment)] if format == "csv" else [*_COLUMNS, "scores"]
    yield head_of([guarded(column) for column in columns], format=format)
    after = 0
    while rows := await in_thread(results_of, experiment, after=after, size=PAGE):
        after = rows[-1].number
        yield lines_of([_line(row, experiment, format=format) for row in rows], columns, format=format)


def _columns_of(experiment: Experiment) -> list[str]:
    """Names of evaluators may repeat: the place tells such apart."""
    names = [spec["name"] for spec in experiment.specs]
    shown = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]
    return [f"{name}: {part}" for name in shown for part in _OF_EVALUATORS]


def _line(row: Result, experiment: Experiment, *, format: str) -> dict[str, Any]:
    item = row.item
    line = {
        "number": row.number,
        "question": item.question,
        "inputs": item.inputs or None,
        "expected": item.expected,
        "status": row.status,
        "answer": row.answer,
        "outputs": row.outputs or None,
        "error": row.error_message or row.error_code or None,
        "trace_id": row.run_id,
        "seconds": None if row.elapsed is None else round(row.elapsed, 3),
        "tokens": row.tokens,
        "cost": row.cost,
    }
    scores = {score.place: score for score in row.scores.all()}
    said = [_said(scores.get(place)) for place in range(len(experiment.specs))]
    if format == "csv":
        # Spreadsheets take the mean of ones and noughts.
        cells = [int(value) if isinstance(value := each[part], bool) else value for each in said for part in each]
        return line | dict(zip(_columns_of(experiment), cells, strict=True))
    named = [{"evaluator": spec["name"], "kind": spec["kind"]} for spec in experiment.specs]
    return line | {"scores": [name | each for name, each in zip(named, said, strict=True)]}


def _said(score: ResultScore | None) -> dict[str, Any]:
    if score is None:
        return dict.fromkeys(_OF_EVALUATORS)
    return {
        "score": score.score,
        "passed": score.passed,
        "verdict": score.label or None,
        "why": score.explanation or None,
        "error": score.error_message or score.error_code or None,
    }
