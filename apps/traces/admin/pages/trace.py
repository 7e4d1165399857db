"""The trace page: header, rows drawn by a script, and the pane of one span, which is fetched when it is opened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.access import check, links_of, opened_trace, ways_on
from apps.traces.admin.pages.detail import Detail
from apps.traces.admin.pages.graph import graph_of
from apps.traces.admin.pages.live import page_without_trace
from apps.traces.admin.pages.log import lines_of
from apps.traces.admin.pages.skeleton import as_json, opened_first, skeleton_of, slowest, tree_of
from apps.traces.admin.pages.words import words
from apps.traces.admin.row_actions import offered
from apps.traces.models import Trace
from apps.traces.selectors import trace_page as reading
from apps.traces.selectors import traces
from apps.traces.selectors.callers import caller_of, calls_of
from apps.traces.selectors.shown_scores import scores_on
from apps.traces.selectors.tree import Tree
from apps.workflows.hooks import opinions_on
from apps.workflows.selectors.happenings import story_of
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound

#: Rows of so many spans come with the page; those of longer traces are fetched beside it.
MOST_INLINE = 1_500
_LONGEST_SEARCH = 200
#: The newest verdicts on the answer; all of them are with its review.
_MOST_OPINIONS = 3
_ANY = UUID(int=0)
#: What the page's script is made of: fetched at once, not one after the other.
_SCRIPTS = tuple(
    f"traces/page/{name}.js"
    for name in ("axis", "find", "keys", "log", "model", "overview", "pane", "row", "rows", "story", "views", "words")
)
_VIEWS: tuple[tuple[str, str | Promise, str], ...] = (
    ("tree", gettext_lazy("Tree"), "list-tree"),
    ("waterfall", gettext_lazy("Waterfall"), "chart-column"),
    ("graph", gettext_lazy("Graph"), "workflow"),
    ("log", gettext_lazy("Log"), "scroll-text"),
)


def trace_page(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The page of one trace."""
    check(admin, request)
    try:
        trace = traces.open_trace(trace_id, within=admin.get_queryset(request))
    except NotFound:
        return page_without_trace(admin, request, trace_id)
    wanted = traces.as_uuid(request.GET.get("span", ""))
    is_short = trace.span_count <= MOST_INLINE
    tree = tree_of(trace, limit=reading.PORTION if is_short else MOST_INLINE)
    opened = opened_first(tree, wanted) if is_short else wanted or opened_first(tree, None)
    ways = ways_on(trace, request)
    detail = _first_detail(trace, opened, request, ways)
    context = {
        **_crumbs(),
        "trace": trace,
        "detail": detail,
        "opened": str(detail.span.id) if detail else "",
        "skeleton": skeleton_of(trace, tree) if is_short else None,
        "hidden_spans": max(0, trace.span_count - reading.MOST),
        "duration": duration(trace.duration_us),
        "first_text": duration(trace.first_text_us) if trace.first_text_us is not None else "",
        "links": links_of(trace),
        "caller": caller_of(trace),
        "calls": calls_of(trace),
        "ways": ways,
        "row_actions": offered(request, team_ids=[trace.team_id]),
        "script_words": words(),
        "script_names": _SCRIPTS,
        "any_span": reverse("admin:traces_trace_span", args=[trace.id, _ANY]),
        "no_span": str(_ANY),
        "views": _VIEWS,
        "errors": trace.error_count,
        "slowest": _slowest(tree) if is_short else None,
        "happenings": story_of(trace.run_id) if trace.run_id else [],
        "opinions": opinions_on([trace.message_id])[-_MOST_OPINIONS:] if trace.message_id else [],
        "scores": scores_on(trace.id, team_id=trace.team_id),
        "kinds": sorted({"other", *_kinds(trace, tree, is_short=is_short)}),
    }
    return TemplateResponse(request, "admin/traces/trace/page.html", context)


def rows_of_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The rows of a long trace; `limit` says how many spans are wanted."""
    trace = opened_trace(admin, request, trace_id)
    wanted = request.GET.get("limit", "")
    limit = min(int(wanted), reading.MOST) if wanted.isdecimal() and len(wanted) < 9 else reading.PORTION
    return HttpResponse(as_json(skeleton_of(trace, tree_of(trace, limit=limit))), content_type="application/json")


def span_pane(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID, span_id: UUID) -> HttpResponse:
    """The pane of one span, as a fragment."""
    trace = opened_trace(admin, request, trace_id)
    try:
        detail = _detail(trace, span_id, request, ways_on(trace, request))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    return TemplateResponse(request, "admin/traces/trace/detail.html", {"trace": trace, "detail": detail})


def found_in_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The ids of the spans that say a text anywhere in what is stored of them."""
    trace = opened_trace(admin, request, trace_id)
    text = request.GET.get("q", "").strip()[:_LONGEST_SEARCH]
    return JsonResponse({"spans": [str(one) for one in reading.spans_saying(trace, text)] if text else []})


def graph_of_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The graph, as a fragment."""
    trace = opened_trace(admin, request, trace_id)
    graph = graph_of(trace, tree_of(trace, limit=reading.PORTION))
    return TemplateResponse(request, "admin/traces/trace/graph.html", {"trace": trace, "graph": graph})


def log_of_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The lines of the log."""
    trace = opened_trace(admin, request, trace_id)
    lines = lines_of(
        tree_of(trace, limit=reading.PORTION),
        errors=reading.errors_of(trace),
        noted=reading.noted_in(trace),
        happenings=story_of(trace.run_id) if trace.run_id else (),
    )
    return JsonResponse({"lines": [[*line[:2], str(line.span_id or ""), *line[3:]] for line in lines]})


def _slowest(tree: Tree) -> dict[str, Any] | None:
    """The step that took most of the time by itself, with its share in per cent."""
    at = slowest(tree)
    if at is None:
        return None
    row = tree.rows[at]
    return {"name": row.bone.name, "share": round(100 * row.own_us / tree.total_us)}


def _first_detail(trace: Trace, opened: UUID | None, request: HttpRequest, ways: dict[str, str]) -> Detail | None:
    try:
        return _detail(trace, opened, request, ways) if opened else None
    except NotFound:
        return None


def _detail(trace: Trace, span_id: UUID, request: HttpRequest, ways: dict[str, str]) -> Detail:
    span = traces.open_span(span_id, trace=trace)
    has_thoughts = trace.run_id is not None and span.kind in ("run", "agent")
    return Detail(
        span=span,
        payload=traces.payload_of(span),
        thoughts=reading.thoughts_of_span(span) if has_thoughts else [],
        wanted=request.GET.get("tab", ""),
        again_at=ways.get("again", ""),
    )


def _kinds(trace: Trace, tree: Tree, *, is_short: bool) -> set[str]:
    """The kinds whose icons the page needs."""
    if is_short:
        return {row.bone.node_type or row.bone.kind for row in tree.rows}
    return reading.kinds_in(trace)


def _crumbs() -> dict[str, Any]:
    return {"crumbs": [(_("Traces"), reverse("admin:traces_trace_changelist"))]}
