"""The trace page: header, span tree with waterfall, and the pane of one span, which is fetched when it is opened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.admin.pages.detail import Detail, detail_of
from apps.traces.admin.pages.raw import trace_as_json
from apps.traces.admin.pages.tree import tree_of
from apps.traces.models import Span, Trace
from apps.traces.selectors import traces
from apps.workflows.selectors.happenings import story_of
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound

#: More rows than this make a page slow before they make it useful; the rest is in the download.
MOST_ROWS = 2_000


def trace_page(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The page of one trace."""
    _check(admin, request)
    try:
        trace = traces.open_trace(trace_id, within=admin.get_queryset(request))
    except NotFound:
        return render(request, "admin/traces/trace/missing.html", {"trace_id": trace_id, **_crumbs()}, status=404)
    spans = traces.spans_of(trace, limit=MOST_ROWS)
    tree = tree_of(trace, spans, wanted=traces.as_uuid(request.GET.get("span", "")))
    detail = _detail(trace, tree.opened.id, request) if tree.opened else None
    context = {
        **_crumbs(),
        "trace": trace,
        "tree": tree,
        "detail": detail,
        "hidden_spans": max(0, trace.span_count - len(spans)),
        "duration": duration(trace.duration_us),
        "first_text": duration(trace.first_text_us) if trace.first_text_us is not None else "",
        "links": _links(trace),
        "happenings": story_of(trace.run_id),
    }
    return TemplateResponse(request, "admin/traces/trace/page.html", context)


def span_pane(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID, span_id: UUID) -> HttpResponse:
    """The pane of one span, as a fragment."""
    _check(admin, request)
    try:
        trace = traces.open_trace(trace_id, within=admin.get_queryset(request))
        detail = _detail(trace, span_id, request)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    return TemplateResponse(request, "admin/traces/trace/detail.html", {"trace": trace, "detail": detail})


def trace_download(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The whole trace as a JSON file."""
    _check(admin, request)
    try:
        trace = traces.open_trace(trace_id, within=admin.get_queryset(request))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    spans = list(Span.objects.filter(trace=trace).select_related("payload").order_by("position"))
    body = trace_as_json(trace, spans, traces.thoughts_of(trace))
    return JsonResponse(
        body,
        json_dumps_params={"ensure_ascii": False, "indent": 2},
        headers={"Content-Disposition": f'attachment; filename="trace-{trace.id}.json"'},
    )


def _check(admin: ReadOnlyModelAdmin, request: HttpRequest) -> None:
    if not admin.has_view_permission(request):
        raise PermissionDenied


def _detail(trace: Trace, span_id: UUID, request: HttpRequest) -> Detail:
    span = traces.open_span(span_id, trace=trace)
    thoughts = traces.thoughts_of(trace) if span.kind == Span.Kind.RUN else []
    return detail_of(span, payload=traces.payload_of(span), thoughts=thoughts, wanted=request.GET.get("tab", ""))


def _crumbs() -> dict[str, Any]:
    return {"crumbs": [(_("Traces"), reverse("admin:traces_trace_changelist"))]}


def _links(trace: Trace) -> dict[str, str]:
    """Addresses of what belongs to the trace in other apps, as far as they have pages."""
    wanted: dict[str, tuple[tuple[str, ...], UUID | str | None]] = {
        "run": (("admin:workflows_run_change",), trace.run_id),
        "conversation": (("admin:workflows_conversation_change",), trace.conversation_id),
        "app": (("workflows:app", "workflows:app-detail"), trace.application_slug),
        "review": (("admin:annotations_message_review",), trace.message_id),
    }
    return {name: address for name, (urls, key) in wanted.items() if key and (address := _first_address(urls, key))}


def _first_address(names: tuple[str, ...], key: Any) -> str:
    for name in names:
        try:
            return reverse(name, args=[key])
        except NoReverseMatch:
            continue
    return ""
