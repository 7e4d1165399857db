"""The request that turns what a list shows into a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.traces.admin.asked import viewer_of
from apps.traces.admin.reading import teams_seen
from apps.traces.models.export import TraceExport
from apps.traces.selectors.lists import PICKED, question_of
from apps.traces.services.exports import ask_for_export
from support.errors import Conflict, InvalidInput


def export(admin: Any) -> Callable[..., HttpResponse]:
    """Ask for a file of everything that fits the filters, and go to its page."""

    @require_POST
    def respond(request: HttpRequest) -> HttpResponse:
        viewer = viewer_of(request)
        if viewer is None or not admin.has_view_permission(request):
            raise PermissionDenied
        query = request.POST.get("query", "")
        picked = QueryDict(query, mutable=True)
        picked[PICKED] = request.POST.get(PICKED, "")
        try:
            job = ask_for_export(
                viewer=viewer,
                team_ids=teams_seen(admin, request),
                question=question_of({name: str(value) for name, value in picked.items()}, table=admin.table),
                format=request.POST.get("format", ""),
                with_payloads="payloads" in request.POST,
            )
        except (InvalidInput, Conflict) as exc:
            messages.error(request, exc.message)
            return redirect(f"{admin.list_url()}?{query}")
        _note(admin, request, job)
        return redirect(reverse("admin:traces_traceexport_change", args=[job.id]))

    return respond


def _note(admin: Any, request: HttpRequest, job: TraceExport) -> None:
    """Who took what out of the house stands in the audit."""
    words = _("Asked for a file of about %(n)s rows (%(format)s).") % {"n": job.rows_expected, "format": job.format}
    exports = admin.admin_site._registry[TraceExport]
    exports.log_addition(request, job, words)
