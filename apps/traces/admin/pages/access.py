"""Who may see a trace, and what of other apps belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.selectors import may
from apps.traces.models import Trace
from apps.traces.selectors import traces
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound


def opened_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> Trace:
    """The trace, for those who may see it. Raises PermissionDenied, Http404."""
    check(admin, request)
    try:
        return traces.open_trace(trace_id, within=admin.get_queryset(request))
    except NotFound as exc:
        raise Http404(str(exc)) from exc


def check(admin: ReadOnlyModelAdmin, request: HttpRequest) -> None:
    """Raises PermissionDenied for those who may see no traces at all."""
    if not admin.has_view_permission(request):
        raise PermissionDenied


def teams_seen(admin: ReadOnlyModelAdmin, request: HttpRequest) -> list[UUID] | None:
    """The teams whose traces the person may see; None means all of them."""
    user: Any = request.user
    return None if user.is_superuser else admin._teams_for("view", request)


def links_of(trace: Trace) -> dict[str, str]:
    """Addresses of what belongs to the trace in other apps, as far as they have pages."""
    wanted: dict[str, tuple[Sequence[str], Any]] = {
        "run": (("admin:workflows_run_change",), trace.run_id),
        "conversation": (("admin:traces_conversation",), trace.conversation_id),
        "app": (("workflows:app",), trace.application_slug),
        "review": (("admin:annotations_message_review",), trace.message_id),
        "golden": (("admin:annotations_golden_from_trace",), trace.run_id),
    }
    links = {name: address for name, (urls, key) in wanted.items() if key and (address := first_address(urls, [key]))}
    if trace.session and not trace.conversation_id:
        links["session"] = session_address(trace)
    return links


def session_address(trace: Trace) -> str:
    """The page of all that was said in the session of a trace from elsewhere."""
    return f"{reverse('admin:traces_session', args=[trace.team_id])}?{urlencode({'session': trace.session})}"


def ways_on(trace: Trace, request: HttpRequest) -> dict[str, str]:
    """Where a member of the app's team may try the run again: the playground with its question, the run's own page."""
    user: Any = request.user
    if trace.run_id is None or not trace.application_slug:
        return {}
    if not may(user, "run", team_id=trace.team_id):
        return {}
    playground = first_address(("workflows:playground",), [trace.application_slug])
    again = first_address(("workflows:rerun",), [trace.application_slug, str(trace.run_id)])
    return {"playground": f"{playground}?from={trace.run_id}" if playground else "", "again": again}


def first_address(names: Sequence[str], keys: Sequence[Any]) -> str:
    """The first of these addresses that somebody serves, or nothing."""
    for name in names:
        try:
            return reverse(name, args=keys)
        except NoReverseMatch:
            continue
    return ""
