"""What the caller of a webhook is told: the configured answer, the run's outputs, or how to come back."""

from __future__ import annotations

from typing import Any, Final

import orjson
from django.http import HttpResponse, JsonResponse

from apps.workflows.api.json_answer import json_text
from apps.workflows.engine.events import NodeFailed, NodeSucceeded
from apps.workflows.engine.variables import Template, Values
from apps.workflows.models import Run, Trigger
from apps.workflows.nodes.trigger_webhook import REQUEST
from apps.workflows.selectors.events import stored_events
from apps.workflows.selectors.files import with_links
from support.api import error_body

_NO_CONTENT: Final = frozenset({204, 205, 304})


def answer_at_once(trigger: Trigger, run: Run) -> HttpResponse:
    """For a webhook that does not wait for its run."""
    respond = trigger.config.get("respond") or {}
    status = respond.get("status", 202)
    if "body" not in respond:
        return _coming_back(run, status=status)
    given = run.inputs["sys.trigger"]
    values = _values(run)
    values.put(trigger.node_id, {**given["values"], REQUEST: given[REQUEST]})
    return _worded(respond["body"], values, status)


def answer_of_run(trigger: Trigger, run: Run) -> HttpResponse:
    """For a webhook that waits: by its run's end, if it has one."""
    if not run.is_finished:
        return _coming_back(run, status=202)
    if run.status not in (Run.Status.SUCCEEDED, Run.Status.PARTIAL):
        # Why is for the team to know, not for whoever calls.
        code = "run_stopped" if run.status == Run.Status.STOPPED else "run_failed"
        message = "The run was stopped." if run.status == Run.Status.STOPPED else "The run failed."
        return JsonResponse(error_body(code, message, 500, run_id=str(run.id)), status=500)
    respond = trigger.config.get("respond") or {}
    status = respond.get("status", 200)
    if "body" not in respond:
        outputs: dict[str, Any] = with_links(run.outputs)
        return HttpResponse(status=status) if status in _NO_CONTENT else JsonResponse(outputs, status=status)
    values = _values(run)
    for _, event in stored_events(run.id):
        if isinstance(event, (NodeSucceeded, NodeFailed)) and not event.frame:
            values.put(event.node_id, event.outputs)
    return _worded(respond["body"], values, status)


def _values(run: Run) -> Values:
    return Values(
        inputs=run.inputs, sys={"run_id": str(run.id), "app_id": str(run.application_id)}, conversation={}, env={}
    )


def _worded(text: str, values: Values, status: int) -> HttpResponse:
    """JSON where the text is some, plain text otherwise: never anything that a browser would run."""
    if status in _NO_CONTENT:
        return HttpResponse(status=status)
    said = json_text(text, values) or Template.parse(text).render(values)
    try:
        is_json = isinstance(orjson.loads(said), (dict, list))
    except orjson.JSONDecodeError:
        is_json = False
    kind = "application/json" if is_json else "text/plain; charset=utf-8"
    return HttpResponse(said, status=status, content_type=kind)


def _coming_back(run: Run, *, status: int) -> HttpResponse:
    if status in _NO_CONTENT:
        return HttpResponse(status=status)
    return JsonResponse({"run_id": str(run.id), "status": run.status}, status=status)
