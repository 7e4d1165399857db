"""Two traces side by side: their steps aligned, what took longer, what came out differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.access import opened_trace
from apps.traces.admin.pages.compare_facts import facts_of
from apps.traces.admin.pages.skeleton import tree_of
from apps.traces.models import Span, SpanPayload, Trace
from apps.traces.recorder import reading
from apps.traces.selectors import trace_page, traces
from apps.traces.selectors.tree import Row
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound

#: More steps than this are aligned by nobody's eye.
MOST_STEPS = 2_000
_LONGEST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A step of one trace beside the same step of the other; one of them may be missing."""

    left: Row | None
    right: Row | None

    @property
    def either(self) -> Row:
        row = self.left or self.right
        assert row is not None
        return row

    @property
    def kind(self) -> str:
        return self.either.bone.node_type or self.either.bone.kind

    @property
    def depth(self) -> int:
        return min(8, self.either.depth)

    @property
    def left_time(self) -> str:
        return duration(self.left.bone.duration_us) if self.left else ""

    @property
    def right_time(self) -> str:
        return duration(self.right.bone.duration_us) if self.right else ""

    @property
    def more_us(self) -> int | None:
        """How much longer it took on the right."""
        if self.left is None or self.right is None:
            return None
        one, other = self.left.bone.duration_us, self.right.bone.duration_us
        return None if one is None or other is None else other - one

    @property
    def changed(self) -> str:
        """`slower` or `faster` where the difference is one that a person would see."""
        more = self.more_us
        if more is None or self.left is None or abs(more) < max(1_000, (self.left.bone.duration_us or 0) // 10):
            return ""
        return "slower" if more > 0 else "faster"

    @property
    def words(self) -> str:
        if self.more_us is None:
            return ""
        return ("+" if self.more_us > 0 else "−") + duration(abs(self.more_us))


def compare_page(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The comparison with the trace that `with` names; without one, a choice of traces to compare with."""
    left = opened_trace(admin, request, trace_id)
    wanted = request.GET.get("with", "").strip()
    found = traces.as_uuid(wanted)
    context: dict[str, Any] = {
        "crumbs": [
            (_("Traces"), reverse("admin:traces_trace_changelist")),
            (left.input_preview or left.name, reverse("admin:traces_trace_change", args=[left.id])),
        ],
        "left": left,
        "wanted": wanted,
    }
    try:
        right = traces.open_trace(found, within=admin.get_queryset(request)) if found else None
    except NotFound:
        right = None
    if right is None:
        context["choices"] = [
            {"trace": one, "duration": duration(one.duration_us)}
            for one in trace_page.recent_beside(left, within=admin.get_queryset(request))
        ]
        context["is_missing"] = bool(wanted)
        return TemplateResponse(request, "admin/traces/trace/choose.html", context)
    pairs = pairs_of(_rows(left), _rows(right))
    context |= {
        "right": right,
        "both": (left, right),
        "pairs": pairs,
        "facts": list(facts_of(left, right)),
        "steps_hidden": max(left.span_count, right.span_count) > MOST_STEPS,
    }
    return TemplateResponse(request, "admin/traces/trace/compare.html", context)


def compared_step(
    admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID, span_id: UUID, other_id: UUID, other_span_id: UUID
) -> HttpResponse:
    """What went into a step and came out of it, in both traces, as differences of words."""
    texts = []
    for one, span in ((trace_id, span_id), (other_id, other_span_id)):
        trace = opened_trace(admin, request, one)
        try:
            payload = traces.payload_of(traces.open_span(span, trace=trace))
        except NotFound as exc:
            raise Http404(str(exc)) from exc
        texts.append((_input_of(payload), _output_of(payload)))
    (input_before, output_before), (input_after, output_after) = texts
    context = {
        "parts": [
            (_("Input"), input_before, input_after, input_before == input_after),
            (_("Output"), output_before, output_after, output_before == output_after),
        ]
    }
    return TemplateResponse(request, "admin/traces/trace/compared_step.html", context)


def pairs_of(left: Sequence[Row], right: Sequence[Row]) -> list[Pair]:
    """The steps of both in one order, the same ones beside each other."""
    matcher = SequenceMatcher(None, [_mark(row) for row in left], [_mark(row) for row in right], autojunk=False)
    pairs: list[Pair] = []
    for tag, since, until, begin, end in matcher.get_opcodes():
        if tag == "equal":
            both = zip(left[since:until], right[begin:end], strict=True)
            pairs.extend(Pair(left=one, right=other) for one, other in both)
            continue
        pairs.extend(Pair(left=row, right=None) for row in left[since:until])
        pairs.extend(Pair(left=None, right=row) for row in right[begin:end])
    return pairs


def _rows(trace: Trace) -> Sequence[Row]:
    return tree_of(trace, limit=MOST_STEPS).rows


def _mark(row: Row) -> tuple[int, str, str]:
    """What makes two steps the same: a node of a workflow, or a kind with a name; whether it ran at all."""
    bone = row.bone
    ran = "" if bone.status != Span.Status.SKIPPED else "-"
    if row.parent < 0 and bone.kind == Span.Kind.RUN:
        return 0, "run", ""
    return row.depth, bone.kind + ran, f"{bone.node_id}/{bone.name}" if bone.node_id else bone.name


def _input_of(payload: SpanPayload | None) -> str:
    if payload is None:
        return ""
    messages = reading.messages_of(payload.process) if isinstance(payload.process, dict) else []
    said = "\n\n".join(f"{message['role']}: {message['text']}" for message in messages)
    return said[:_LONGEST] or _printed(payload.inputs)


def _output_of(payload: SpanPayload | None) -> str:
    if payload is None:
        return ""
    outputs = payload.outputs if isinstance(payload.outputs, dict) else {}
    text = outputs.get("answer") or outputs.get("text") or payload.text
    return text[:_LONGEST] if isinstance(text, str) and text else _printed(payload.outputs)


def _printed(value: Any) -> str:
    """Values below their names: texts as they are, whatever has a structure as JSON."""
    if value in ({}, [], None, ""):
        return ""
    if isinstance(value, dict):
        return "\n\n".join(f"{name}\n{_in_words(each)}" for name, each in value.items())[:_LONGEST]
    return _in_words(value)[:_LONGEST]


def _in_words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
