"""Starting, following and stopping runs over the service API."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows import services
from apps.workflows.api.views import SOURCE, Mode, ServiceView, body_of, end_user_of, mode_of
from apps.workflows.models import Run
from apps.workflows.selectors.applications import live_version
from apps.workflows.selectors.files import with_links
from apps.workflows.selectors.runs import open_run, run_info
from apps.workflows.streaming.frames import outcome
from apps.workflows.streaming.sse import sse_response
from apps.workflows.streaming.wire import Encoder
from support.database import release_connections
from support.errors import NotFound


class ChatMessages(ServiceView):
    """POST /v1/chat-messages: one turn of a chat, streamed, waited for, or left to a worker."""

    def post(self, request: Request) -> HttpResponseBase:
        mode, application = mode_of(request), self.application()
        accepted = services.accept_chat(
            application=application,
            version=live_version(application),
            query=body_of(request).get("query"),
            inputs=body_of(request).get("inputs", {}),
            source=SOURCE,
            end_user=end_user_of(request),
            conversation_id=body_of(request).get("conversation_id") or None,
            files=body_of(request).get("files") or (),
            for_worker=mode == "background",
        )
        return _answer(accepted, mode=mode)


class WorkflowRuns(ServiceView):
    """POST /v1/workflows/run: one call of a workflow app, streamed, waited for, or left to a worker."""

    scope = "runs"

    def post(self, request: Request) -> HttpResponseBase:
        mode, application = mode_of(request), self.application()
        accepted = services.accept_workflow(
            application=application,
            version=live_version(application),
            inputs=body_of(request).get("inputs", {}),
            source=SOURCE,
            end_user=end_user_of(request),
            files=body_of(request).get("files") or (),
            for_worker=mode == "background",
        )
        return _answer(accepted, mode=mode)


class RunEvents(ServiceView):
    """GET /v1/workflow/<run>/events: follow a run again, from `Last-Event-ID` on; also after it has ended."""

    scope = "chat"

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        run = _own_run(self, request, run_id)
        info = run_info(run.id)
        last = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
        release_connections()
        return sse_response(info, last_event_id=last)


class RunDetail(ServiceView):
    """GET /v1/workflows/run/<run>: the outcome of a run."""

    scope = "runs"

    def get(self, request: Request, run_id: str) -> Response:
        run = _own_run(self, request, run_id)
        return Response(
            {
                "id": str(run.id),
                "workflow_id": str(run.version_id),
                "status": run.status,
                "inputs": run.inputs,
                "outputs": with_links(run.outputs),
                "error": run.error["message"] if run.error else None,
                "total_steps": run.steps,
                "total_tokens": run.total_tokens,
                "created_at": int(run.started_at.timestamp()),
                "finished_at": int(run.finished_at.timestamp()) if run.finished_at else None,
                "elapsed_time": run.elapsed,
            }
        )


class StopRun(ServiceView):
    """POST .../<task>/stop: end a run of the same end user."""

    def post(self, request: Request, run_id: str) -> Response:
        services.stop_run(_own_run(self, request, run_id))
        return Response({"result": "success"})


def _own_run(view: ServiceView, request: Request, run_id: str) -> Run:
    """The end user's own run of this app; without a `user`, any of those of its API and triggers. Raises NotFound."""
    run = open_run(run_id, application=view.application())
    user = end_user_of(request)
    if run.source not in (SOURCE, Run.Source.TRIGGER) or (user and run.end_user != user):
        raise NotFound(f"There is no run {run_id}.")
    return run


def _answer(accepted: services.Accepted, *, mode: Mode) -> HttpResponseBase:
    if mode == "background":
        services.hand_to_worker(accepted)
        return Response(background_body(accepted), status=202)
    release_connections()  # what follows waits for models, not for the database
    if mode == "streaming":
        async_to_sync(services.launch)(accepted)
        return sse_response(accepted.info, is_new=True)
    encoder = async_to_sync(_run_and_wait)(accepted)
    failure = encoder.failure()
    if failure is None:
        return Response(encoder.blocking_body())
    failure.pop("event")
    wait = encoder.retry_after()
    return Response(failure, status=failure["status"], headers={"Retry-After": str(wait)} if wait else None)


def background_body(accepted: services.Accepted) -> dict[str, object]:
    """What a caller needs to come back to a run that a worker executes."""
    run, message = accepted.run, accepted.message
    turn = {"message_id": str(message.id), "conversation_id": str(run.conversation_id)} if message else {}
    return {
        "task_id": str(run.id),
        "workflow_run_id": str(run.id),
        **turn,
        "status": run.status,
        "created_at": int(run.started_at.timestamp()),
    }


async def _run_and_wait(accepted: services.Accepted) -> Encoder:
    await services.launch(accepted)
    return await outcome(accepted.info, is_new=True)
