"""Starting, following and stopping runs over the service API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows import services
from apps.workflows.api.views import SOURCE, Mode, ServiceView, body_of, end_user_of, mode_of
from apps.workflows.engine.forking import is_frame
from apps.workflows.models import Run
from apps.workflows.selectors.applications import live_version
from apps.workflows.selectors.files import with_links
from apps.workflows.selectors.runs import open_run, run_info
from apps.workflows.streaming.frames import outcome
from apps.workflows.streaming.sse import sse_response
from apps.workflows.streaming.wire import Encoder, parse_position
from support.database import release_connections
from support.errors import InvalidInput, NotFound
from support.trace_context import context_of

#: What starts an accepted run in this process.
Launch = Callable[[services.Accepted], Awaitable[object]]


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
            caller=context_of(request.headers),
        )
        return answer(accepted, mode=mode)


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
            caller=context_of(request.headers),
        )
        return answer(accepted, mode=mode)


class RunEvents(ServiceView):
    """GET /v1/workflow/<run>/events: follow a run again, from `Last-Event-ID` on; also after it has ended."""

    scope = "chat"

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        run = own_run(self, request, run_id)
        info = run_info(run.id)
        last = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
        release_connections()
        return sse_response(info, last_event_id=last)


class RunDetail(ServiceView):
    """GET /v1/workflows/run/<run>: the outcome of a run."""

    scope = "runs"

    def get(self, request: Request, run_id: str) -> Response:
        run = own_run(self, request, run_id)
        return Response(
            {
                "id": str(run.id),
                "workflow_id": str(run.version_id),
                "status": run.status,
                "inputs": run.inputs,
                "outputs": with_links(run.outputs),
                "error": run.error["message"] if run.error else None,
                "forked_from": str(run.forked_from_id) if run.forked_from_id else None,
                "total_steps": run.steps,
                "total_tokens": run.total_tokens,
                "created_at": int(run.started_at.timestamp()),
                "finished_at": int(run.finished_at.timestamp()) if run.finished_at else None,
                "elapsed_time": run.elapsed,
            }
        )


class ForkRun(ServiceView):
    """POST /v1/workflows/run/<run>/fork: a new run that reuses what this one has done.

    `after` is the event where it begins (a number, or the id that a stream gave it); or `node_id`, with the round it is
    in as `frame`, is what runs anew with all that depends on it.
    """

    scope = "runs"

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        mode, body, run = mode_of(request), body_of(request), own_run(self, request, run_id)
        values, version = body.get("values", {}), body.get("version", "same")
        if not isinstance(values, dict):
            raise InvalidInput("values must be an object.", path="/values")
        if version not in ("same", "published"):
            raise InvalidInput("version must be same or published.", path="/version")
        wish = services.Wish(
            source=SOURCE,
            end_user=end_user_of(request),
            version=live_version(self.application()) if version == "published" else None,
            values=values,
        )
        return answer(_forked(run, body, wish), mode=mode, launch=services.launch_fork)


def _forked(run: Run, body: dict[str, Any], wish: services.Wish) -> services.Accepted:
    after, node_id, frame = body.get("after"), body.get("node_id"), body.get("frame", "")
    if (after is None) == (node_id is None):
        raise InvalidInput("Give either after or node_id.", path="/after")
    if after is None:
        if not isinstance(node_id, str) or not isinstance(frame, str) or not is_frame(frame):
            raise InvalidInput("node_id and frame must be as events name them.", path="/node_id")
        return services.rerun_from(run, node_id=node_id, frame=frame, wish=wish)
    if isinstance(after, bool) or not isinstance(after, (int, str)):
        raise InvalidInput("after must be an event's number or id.", path="/after")
    return services.fork_run(run, after=parse_position(str(after))[0], wish=wish)


class StopRun(ServiceView):
    """POST .../<task>/stop: end a run of the same end user."""

    def post(self, request: Request, run_id: str) -> Response:
        services.stop_run(own_run(self, request, run_id))
        return Response({"result": "success"})


def own_run(view: ServiceView, request: Request, run_id: str) -> Run:
    """The end user's own run of this app; without a `user`, any of those of its API and triggers. Raises NotFound."""
    run = open_run(run_id, application=view.application())
    user = end_user_of(request)
    if run.source not in (SOURCE, Run.Source.TRIGGER) or (user and run.end_user != user):
        raise NotFound(f"There is no run {run_id}.")
    return run


def answer(accepted: services.Accepted, *, mode: Mode, launch: Launch = services.launch) -> HttpResponseBase:
    """The run as the caller wants to hear of it: its events, its outcome, or where to find it."""
    if mode == "background":
        services.hand_to_worker(accepted)
        return Response(background_body(accepted), status=202)
    release_connections()  # what follows waits for models, not for the database
    if mode == "streaming":
        async_to_sync(launch)(accepted)
        return sse_response(accepted.info, is_new=launch is services.launch)
    encoder = async_to_sync(_run_and_wait)(accepted, launch)
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


async def _run_and_wait(accepted: services.Accepted, launch: Launch) -> Encoder:
    await launch(accepted)
    return await outcome(accepted.info, is_new=launch is services.launch)
