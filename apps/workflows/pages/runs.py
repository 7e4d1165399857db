"""An app's run history, and one run."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from apps.workflows.engine.events import BROKEN_OFF, NodeFailed, NodeStarted, NodeSucceeded, NodeWaiting
from apps.workflows.models import Application, Message, Run
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context
from apps.workflows.pages.forks import fields_of, past_of
from apps.workflows.pages.replies import open_questions
from apps.workflows.pages.shown_values import outputs_of_step, shown_messages, shown_values
from apps.workflows.pages.sources import printed, sources_of, used
from apps.workflows.selectors.concealing import concealed_log, secrets_of_run
from apps.workflows.selectors.events import stored_events
from apps.workflows.selectors.happenings import story_of
from apps.workflows.selectors.runs import open_run, runs_of
from apps.workflows.services.edited_values import is_of_document
from support.errors import NotFound

PER_PAGE = 30
MOST_FORKS_SHOWN = 20
#: A page with a form for each of thousands of rounds would be of use to nobody.
MOST_STEPS_AGAIN = 300


@member_page()
def runs(request: HttpRequest, application: Application) -> HttpResponse:
    """All runs of the app, the newest first, by status if asked."""
    status = request.GET.get("status", "")
    if status not in Run.Status.values:
        status = ""
    page = Paginator(runs_of(application, status=status), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "workflows/app_runs.html",
        {
            **app_context(request, application, "runs"),
            "page": page,
            "status": status,
            "statuses": Run.Status.choices,
        },
    )


@member_page()
def run(request: HttpRequest, application: Application, run_id: str) -> HttpResponse:
    """One run: what went in, each step, what came out."""
    try:
        found = open_run(run_id, application=application)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    message = Message.objects.filter(run=found).first()
    secrets = secrets_of_run(found.id)
    return render(
        request,
        "workflows/run.html",
        {
            **app_context(request, application, "runs"),
            "run": found,
            "message": message,
            "steps": _with_fields(found, _steps(found)),
            "forks": found.forks.order_by("id")[:MOST_FORKS_SHOWN],
            "questions": open_questions(found),
            "happenings": story_of(found.id),
            "inputs": shown_values(secrets.hide_in(found.inputs)),
            "outputs": shown_values(secrets.hide_in(found.outputs)),
            "trace_url": _admin_url(request, "traces_trace_change", found.id),
            "review_url": _admin_url(request, "annotations_message_review", message.id) if message else "",
        },
    )


def _steps(run: Run) -> list[dict[str, object]]:
    """The nodes that ran, in order, each with its outcome."""
    steps: dict[tuple[str, str], dict[str, object]] = {}
    kind_of: dict[tuple[str, str], str] = {}
    sources = sources_of(run.version.document)
    for _seq, event in concealed_log(run.id, stored_events(run.id)):
        match event:
            case NodeStarted():
                kind_of[event.frame, event.node_id] = event.node_type
                steps[event.frame, event.node_id] = {
                    "title": f"{event.title} [{_round(event.frame)}]" if event.frame else event.title,
                    "type": event.node_type,
                    "frame": event.frame,
                    "node_id": event.node_id,
                    "reused": event.reused,
                    "status": "running",
                    "source": sources.get(event.node_id),
                }
            case NodeWaiting():
                steps[event.frame, event.node_id]["status"] = "waiting"
            case NodeSucceeded():
                steps[event.frame, event.node_id] |= {
                    "status": "succeeded",
                    "elapsed": event.elapsed,
                    "usage": event.usage,
                    "messages": shown_messages(event.process.get("messages")),
                    "printed": printed(event.process) if event.node_id in sources else [],
                    "used": used(event.process) if event.node_id in sources else None,
                    "inputs": shown_values(event.inputs),
                    "outputs": outputs_of_step(kind_of[event.frame, event.node_id], event.outputs),
                }
            case NodeFailed():
                steps[event.frame, event.node_id] |= {
                    "status": "stopped" if event.error.code == BROKEN_OFF else "failed",
                    "elapsed": event.elapsed,
                    "error": event.error,
                    "messages": shown_messages(event.process.get("messages")),
                    "printed": printed(event.process) if event.node_id in sources else [],
                    "used": used(event.process) if event.node_id in sources else None,
                    "inputs": shown_values(event.inputs),
                    "outputs": outputs_of_step(kind_of[event.frame, event.node_id], event.outputs),
                }
    return list(steps.values())


def _with_fields(run: Run, steps: list[dict[str, object]]) -> list[dict[str, object]]:
    """The steps with what can be changed before they run again; nothing while the run is still going on."""
    if run.status == Run.Status.RUNNING:
        return steps
    past, plan = past_of(run), run.version.document
    for number, step in enumerate(steps):
        frame, node_id = str(step["frame"]), str(step["node_id"])
        if number < MOST_STEPS_AGAIN and is_of_document(plan, frame, node_id):
            step["again"] = {"number": number, "fields": fields_of(run, past, frame, node_id)}
    return steps


def _round(frame: str) -> str:
    """The numbers of the rounds that a node ran in, outermost first: 3.1."""
    return ".".join(str(int(step.rpartition(":")[2]) + 1) for step in frame.split("/"))


def _admin_url(request: HttpRequest, name: str, *args: object) -> str:
    """A page of the admin, for those who may go there."""
    if not request.user.is_staff:
        return ""
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return ""
