"""What can be taken away from a trace: the whole of it, its log, a test story made of its run."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from apps.traces.admin.pages.access import opened_trace
from apps.traces.admin.pages.log import as_text, lines_of
from apps.traces.admin.pages.raw import span_as_json, thought_as_json, trace_as_json
from apps.traces.admin.pages.skeleton import tree_of
from apps.traces.models import Trace
from apps.traces.selectors import trace_page, traces
from apps.workflows.engine.story import story_to_dict
from apps.workflows.selectors.happenings import story_of
from apps.workflows.selectors.runs import team_run
from apps.workflows.services.replay_run import NotReplayable, concealed_story_of
from support.admin import ReadOnlyModelAdmin
from support.errors import ConsoleError, NotFound


def trace_download(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The whole trace as a JSON file, however long it is."""
    trace = opened_trace(admin, request, trace_id)
    return _attached(_whole(trace), name=f"trace-{trace.id}.json", kind="application/json")


def log_download(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The log of the trace as a text file."""
    trace = opened_trace(admin, request, trace_id)
    tree = tree_of(trace, limit=trace_page.MOST)
    lines = lines_of(
        tree,
        errors=trace_page.errors_of(trace),
        noted=trace_page.noted_in(trace),
        happenings=story_of(trace.run_id) if trace.run_id else (),
    )
    text = as_text(lines, zero=tree.zero or trace.started_at)
    return _attached((line.encode() for line in text), name=f"trace-{trace.id}.log", kind="text/plain; charset=utf-8")


def story_download(admin: ReadOnlyModelAdmin, request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The run as a story that `manage.py replay_runs --stories` plays, without the app's secrets."""
    trace = opened_trace(admin, request, trace_id)
    try:
        if trace.run_id is None:
            raise NotReplayable(_("Only runs of this console can be played again."))
        story = concealed_story_of(team_run(trace.run_id, team_ids=[trace.team_id]))
    except NotFound as exc:
        return JsonResponse(exc.as_dict(), status=404)
    except ConsoleError as exc:
        return JsonResponse(exc.as_dict(), status=exc.http_status)
    body = orjson.dumps(story_to_dict(story), option=orjson.OPT_INDENT_2)
    return HttpResponse(body, content_type="application/json", headers=_headers(f"{story.name.replace(' ', '-')}.json"))


def _whole(trace: Trace) -> Iterator[bytes]:
    head = orjson.dumps(trace_as_json(trace), option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
    yield head + b',\n  "spans": ['
    mark = b"\n"
    for span in trace_page.whole_spans(trace):
        yield mark + orjson.dumps(span_as_json(span, traces.payload_of(span)))
        mark = b",\n"
    yield b'\n  ],\n  "thoughts": '
    yield orjson.dumps([thought_as_json(thought) for thought in traces.thoughts_of(trace)])
    yield b"\n}\n"


def _attached(body: Iterator[bytes], *, name: str, kind: str) -> HttpResponse:
    return HttpResponse(b"".join(body), content_type=kind, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": content_disposition_header(True, name) or "attachment"}
