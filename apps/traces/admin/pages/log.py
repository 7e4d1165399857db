"""The log of a trace: what began, ended, failed, was noted and printed, line by line in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.models import Span
from apps.traces.selectors.tree import Row, Tree
from apps.workflows.selectors.happenings import Happening

INFO, WARNING, ERROR = "info", "warning", "error"
_LONGEST = 2_000
_MICROSECOND = dt.timedelta(microseconds=1)


class Line(NamedTuple):
    """One line; `at_us` since the trace began."""

    at_us: int
    level: str
    span_id: UUID | None
    name: str
    text: str


def lines_of(
    tree: Tree,
    *,
    errors: Mapping[UUID, str],
    noted: Mapping[UUID, tuple[Any, Any]],
    happenings: Iterable[Happening] = (),
) -> list[Line]:
    """All lines in the order of time; of one moment, in the order of the tree."""
    lines = [line for row in tree.rows if row.offset_us is not None for line in _lines_of_row(row, errors, noted)]
    for one in happenings:
        at_us = max(0, (one.at - tree.zero) // _MICROSECOND) if tree.zero else 0
        text = f"{one.text} {one.detail}".strip()
        lines.append(Line(at_us, WARNING if one.icon == "rotate-ccw" else INFO, None, "", text))
    lines.sort(key=lambda line: line.at_us)
    return lines


def as_text(lines: Iterable[Line], *, zero: dt.datetime) -> Iterator[str]:
    """The lines of a log file: time, level, span, text."""
    for line in lines:
        time = (zero + dt.timedelta(microseconds=line.at_us)).isoformat(timespec="microseconds")
        name = f" [{_flat(line.name)}]" if line.name else ""
        yield f"{time} {line.level.upper():7}{name} {_flat(line.text)}\n"


def _lines_of_row(row: Row, errors: Mapping[UUID, str], noted: Mapping[UUID, tuple[Any, Any]]) -> Iterator[Line]:
    bone, since = row.bone, row.offset_us or 0
    yield Line(since, INFO, bone.id, bone.name, _("began"))
    events, printed = noted.get(bone.id, ([], []))
    for event in events if isinstance(events, list) else []:
        if isinstance(event, Mapping):
            yield _line_of_event(row, event)
    until = since + (bone.duration_us or 0)
    for text in printed:
        for line in str(text)[: _LONGEST * 10].splitlines():
            yield Line(until, INFO, bone.id, bone.name, line[:_LONGEST])
    took = duration(bone.duration_us)
    if bone.status == Span.Status.ERROR:
        words = _("failed after %(t)s: %(code)s %(message)s")
        text = words % {"t": took, "code": bone.error_code, "message": errors.get(bone.id, "")[:_LONGEST]}
        yield Line(until, WARNING if bone.error_handled else ERROR, bone.id, bone.name, text.strip())
    elif bone.duration_us is not None:
        tokens = bone.input_tokens + bone.output_tokens
        words = _("ended after %(t)s, %(n)s tokens") if tokens and row.parent >= 0 else _("ended after %(t)s")
        yield Line(until, INFO, bone.id, bone.name, words % {"t": took, "n": f"{tokens:,}"})
    else:
        yield Line(until, WARNING, bone.id, bone.name, _("has no end"))


def _line_of_event(row: Row, event: Mapping[str, Any]) -> Line:
    facts = event.get("attributes")
    said = " ".join(f"{name}={value}" for name, value in facts.items()) if isinstance(facts, Mapping) else ""
    at = event.get("at_us")
    name = str(event.get("name") or "")
    return Line(
        (row.offset_us or 0) + (at if isinstance(at, int) else 0),
        ERROR if name == "exception" else INFO,
        row.bone.id,
        row.bone.name,
        f"{name} {said}".strip()[:_LONGEST],
    )


def _flat(text: str) -> str:
    return " ".join(text.split())
