"""The page of a run that still goes on: its tree grows until the run ends; then it is the page of its trace."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import may
from apps.traces.admin.pages.access import check, first_address, teams_seen
from apps.traces.admin.pages.live_stream import live_response, masker_of
from apps.traces.admin.pages.words import words
from apps.traces.models import Span, Trace
from apps.workflows.selectors.concealing import secrets_of_run
from apps.workflows.selectors.runs import RUN_STATUSES, Watched, team_run, watched_run
from apps.workflows.services.stop_run import stop_run
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound

#: A trace that was not written so long after its run's end will not come.
PATIENCE = dt.timedelta(seconds=60)
_SCRIPTS = tuple(f"traces/page/{name}.js" for name in ("axis", "model", "row", "rows", "views", "words"))
_VIEWS = (("tree", gettext_lazy("Tree"), "list-tree"), ("waterfall", gettext_lazy("Waterfall"), "chart-column"))


def page_without_trace(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """What stands at the address of a trace that is not there: the run that will leave it, or that there is none."""
    crumbs = [(_("Traces"), reverse("admin:traces_trace_changelist"))]
    try:
        run = watched_run(trace_id, team_ids=teams_seen(admin, request))
    except NotFound:
        run = None
    if run is None or (run.is_over and not _may_come(run)):
        context = {
            "trace_id": trace_id,
            "crumbs": crumbs,
            "run_url": first_address(("admin:workflows_run_change",), [trace_id]) if run else "",
        }
        return render(request, "admin/traces/trace/missing.html", context, status=404)
    user: Any = request.user
    nodes = {node["type"] for node in run.info.nodes.values()}
    context = {
        "crumbs": crumbs,
        "run": run,
        "query": masker_of(run.info).text(secrets_of_run(trace_id).hide(run.query)),
        "may_stop": not run.is_over and may(user, "run", team_id=run.info.team_id),
        "run_url": first_address(("admin:workflows_run_change",), [trace_id]),
        "answers_url": _page_of_run(run),
        "statuses": RUN_STATUSES,
        "span_statuses": (("running", _("Running")), ("waiting", _("Waiting for a person")), *Span.Status.choices),
        "views": _VIEWS,
        "script_names": _SCRIPTS,
        "script_words": {**words(), **_live_words()},
        "kinds": sorted({"run", "other", *nodes}),
    }
    return TemplateResponse(request, "admin/traces/live/page.html", context)


def stream_of_run(admin: ReadOnlyModelAdmin, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
    """What changes in the tree of the run, from its beginning on."""
    return live_response(_opened(admin, request, run_id).info)


def state_of_run(admin: ReadOnlyModelAdmin, request: HttpRequest, run_id: UUID) -> HttpResponse:
    """How the run stands, and whether its trace is written."""
    run = _opened(admin, request, run_id)
    is_written = Trace.objects.filter(id=run_id, team_id=run.info.team_id).exists()
    return JsonResponse({"status": run.status, "label": run.status_label, "over": run.is_over, "trace": is_written})


def stop(admin: ReadOnlyModelAdmin, request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Stop the run: for those who may run its app."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    run = _opened(admin, request, run_id)
    user: Any = request.user
    if not may(user, "run", team_id=run.info.team_id):
        raise PermissionDenied
    stop_run(team_run(run_id, team_ids=[run.info.team_id]))
    messages.info(request, _("The run is being stopped."))
    return redirect("admin:traces_trace_change", run_id)


def _opened(admin: ReadOnlyModelAdmin, request: HttpRequest, run_id: UUID) -> Watched:
    check(admin, request)
    try:
        return watched_run(run_id, team_ids=teams_seen(admin, request))
    except NotFound as exc:
        raise Http404(exc.message) from exc


def _may_come(run: Watched) -> bool:
    return run.finished_at is not None and timezone.now() - run.finished_at < PATIENCE


def _page_of_run(run: Watched) -> str:
    """The members' page of the run, where its open questions can be answered."""
    return first_address(("workflows:run",), [run.info.application_slug, str(run.info.run_id)])


def _live_words() -> dict[str, str]:
    return {
        "status_running": _("Running"),
        "status_waiting": _("Waiting for a person"),
        "ended": _("The run has ended. Its trace is being written."),
        "no_trace": _("The run has ended, and its trace was not kept: it may not be in the app's sample."),
        "lost": _("The connection is lost. The run goes on; this page comes back by itself."),
        "no_text": _("Nothing was written yet."),
        "no_writing": _("This step writes no text. What went in and came out is shown once the run has ended."),
        "key_follow": _("Follow what is running"),
        "key_tree": _("Tree"),
        "key_waterfall": _("Waterfall"),
        "first_text": _("first text after {t}"),
        "tokens": _("{n} tokens"),
    }
