"""The request that tags or deletes what a list shows, or the rows that somebody picked in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.selectors import teams_seen_by
from apps.traces.admin.asked import viewer_of
from apps.traces.models import TraceChange
from apps.traces.selectors.lists import PICKED, question_of
from apps.traces.services.changes import ask_for_change
from support.errors import Conflict, InvalidInput

#: Of the roles, those that annotate may tag, and those that manage may delete.
TAG, DELETE = "annotations.change_annotation", "traces.delete_trace"
_TAKES = {
    TraceChange.Action.ADD_TAG: TAG,
    TraceChange.Action.REMOVE_TAG: TAG,
    TraceChange.Action.DELETE: DELETE,
}


def change(admin: Any) -> Callable[..., HttpResponse]:
    """Ask for a change of the picked rows, or of all that fit the filters, and go to its page."""

    @require_POST
    def respond(request: HttpRequest) -> HttpResponse:
        viewer = viewer_of(request)
        query = QueryDict(request.POST.get("query", ""), mutable=True)
        action = request.POST.get("action", "")
        teams = teams_for(admin, request, _TAKES[TraceChange.Action(action)]) if action in _TAKES else []
        if viewer is None or not admin.has_view_permission(request) or (teams is not None and not teams):
            raise PermissionDenied
        back = query.urlencode()
        query[PICKED] = request.POST.get(PICKED, "")
        try:
            job = ask_for_change(
                viewer=viewer,
                team_ids=teams,
                question=question_of({name: str(value) for name, value in query.items()}, table=admin.table),
                action=action,
                value=request.POST.get("value", ""),
            )
        except (InvalidInput, Conflict) as exc:
            messages.error(request, exc.message)
            return redirect(f"{admin.list_url()}?{back}")
        words = _("%(what)s: about %(n)s traces.") % {"what": job, "n": job.rows_expected}
        admin.admin_site._registry[TraceChange].log_addition(request, job, words)
        return redirect(reverse("admin:traces_tracechange_change", args=[job.id]))

    return respond


def teams_for(admin: Any, request: HttpRequest, permission: str) -> list[UUID] | None:
    """The teams whose traces the person sees and may do this with; None for a superuser: all."""
    user: Any = request.user
    if user.is_superuser:
        return None
    seen = set(admin._teams_for("view", request))
    return [team.id for team in teams_seen_by(request) if team.id in seen and user.has_perm(permission, team)]
