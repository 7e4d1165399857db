"""Own traces are sent on: what arrives at a real receiver, and what becomes of batches that do not."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from pytest_django import Settings

from accounts.models import Team
from accounts.services import create_api_key
from apps.traces.dialects import outgoing
from apps.traces.models import OutgoingTrace, Span, SpanPayload, Trace, TraceDestination
from apps.traces.recorder.fold import fold
from apps.traces.recorder.outgoing import sending_teams
from apps.traces.recorder.store import write
from apps.traces.services.send_on import GIVEN_UP_AFTER, send_on
from apps.traces.tasks import send_traces_on
from support.trace_context import span_of_run
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(ThreadingHTTPServer):
    """A receiver elsewhere that answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.seen: list[tuple[dict[str, str], ExportTraceServiceRequest]] = []

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((dict(self.headers), ExportTraceServiceRequest.FromString(body)))
        status, answer, headers = self.server.answers.pop(0) if self.server.answers else (200, b"", {})
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Tests read what was seen instead."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def going_to(team: Team, settings: Settings) -> Callable[..., TraceDestination]:
    """The team sends on to this address from now on."""

    def make(endpoint: str, *, allow: str, headers: str = "{}", **options: object) -> TraceDestination:
        settings.EGRESS_ALLOW = allow
        destination = TraceDestination(team_id=team.id, endpoint=endpoint, **options)
        destination.set_secret(headers)
        destination.save()
        sending_teams.forget()
        return destination

    yield make
    sending_teams.forget()


def told(team: Team, **changes: object) -> Trace:
    story = stories.moved(stories.retrieval_chat(team_id=team.id, **changes), ago=60)
    write([fold(story.run, story.log)])
    return Trace.objects.get(id=story.run.run_id)


def test_what_is_sent_on_arrives_as_it_was(team: Team, going_to: Callable[..., TraceDestination], server: str) -> None:
    others = Team.objects.create(slug="wasps", name="Wasps")
    _key, secret = create_api_key(team_id=others.id, subject_kind="traces", subject_id=others.id)
    going_to(
        f"{server}/otel/v1/traces",
        allow=server.removeprefix("http://"),
        headers=f'{{"Authorization": "Bearer {secret}"}}',
        with_content=True,
    )
    own = told(team)
    assert send_traces_on() == 1
    (copy,) = Trace.objects.filter(team_id=others.id)
    assert (copy.external_id, copy.source, copy.application_name) == (own.id.hex, "otlp", own.application_slug)
    assert (copy.input_tokens, copy.output_tokens) == (own.input_tokens, own.output_tokens)
    assert copy.end_user == own.end_user
    sent = Span.objects.filter(trace=own, started_at__isnull=False)
    came = {span.key: span for span in Span.objects.filter(trace=copy)}
    assert set(came) == {span.key for span in sent}
    for span in sent:
        there = came[span.key]
        assert there.parent_key == span.parent_key
        assert (there.started_at, there.duration_us) == (span.started_at, span.duration_us)
    call = next(span for span in sent if span.kind == "llm")
    assert (came[call.key].kind, came[call.key].model) == ("llm", call.model)
    said, heard = (SpanPayload.objects.get(span_id=span.id) for span in (call, came[call.key]))
    assert heard.process["messages"][-1]["text"] == said.process["messages"][-1]["text"]
    assert heard.outputs["text"] == said.outputs["text"]
    found = next(span for span in sent if span.kind == "retrieval")
    assert came[found.key].kind == "retrieval"
    assert SpanPayload.objects.get(span_id=came[found.key].id).process["hits"]
    assert not OutgoingTrace.objects.exists()
    destination = TraceDestination.objects.get()
    assert (destination.sent, destination.dropped, destination.last_error) == (1, 0, "")


def test_content_stays_here_unless_it_is_to_go(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    going_to(f"http://{collector.place}/v1/traces", allow=collector.place, headers='{"X-Key": "k"}')
    own = told(team)
    assert send_on().sent == 1
    ((headers, request),) = collector.seen
    assert headers["X-Key"] == "k"
    text = str(request)
    call = SpanPayload.objects.get(span__trace=own, span__kind="llm")
    assert call.outputs["text"][:20] not in text
    assert "gen_ai.usage.input_tokens" in text
    names = {span.name for span in request.resource_spans[0].scope_spans[0].spans}
    assert f"chat {Span.objects.get(trace=own, kind='llm').model}" in names


def test_a_run_of_a_callers_trace_goes_on_in_that_trace(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    own = told(team, traceparent=f"00-{CALLER}-00f067aa0ba902b7-01")
    send_on()
    ((_headers, request),) = collector.seen
    spans = request.resource_spans[0].scope_spans[0].spans
    root = next(span for span in spans if span.kind == 2)
    assert {span.trace_id.hex() for span in spans} == {CALLER}
    assert (root.parent_span_id.hex(), root.span_id.hex()) == ("00f067aa0ba902b7", span_of_run(own.id))


@pytest.mark.parametrize("status", [429, 503, 502, 401])
def test_what_may_work_later_is_tried_again_after_a_pause(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector, status: int
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    told(team)
    collector.answers = [(status, b"", {"Retry-After": "120"})]
    before = timezone.now()
    outcome = send_on()
    destination.refresh_from_db()
    assert (outcome.sent, outcome.failed, OutgoingTrace.objects.count()) == (0, 1, 1)
    assert str(status) in destination.last_error
    pause = (destination.paused_until - before).total_seconds()
    assert pause > 110 if status in (429, 503) else 4 < pause < 60
    assert send_on().sent == 0
    assert len(collector.seen) == 1
    TraceDestination.objects.update(paused_until=before)
    assert send_on().sent == 1
    destination.refresh_from_db()
    assert (destination.failures, destination.paused_until, destination.sent) == (0, None, 1)


def test_what_is_refused_for_good_is_given_up_and_counted(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    told(team)
    collector.answers = [(400, b"", {})]
    assert send_on().sent == 0
    destination.refresh_from_db()
    assert (destination.dropped, OutgoingTrace.objects.count()) == (1, 0)
    assert "400" in destination.last_error


def test_what_a_receiver_warns_of_is_shown(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    told(team)
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans, answer.partial_success.error_message = 2, "too old"
    collector.answers = [(200, answer.SerializeToString(), {})]
    assert send_on().sent == 1
    destination.refresh_from_db()
    assert destination.last_error == "It refused 2 spans: too old"


def test_a_receiver_in_a_private_network_needs_the_operators_leave(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow="")
    told(team)
    assert send_on().failed == 1
    destination.refresh_from_db()
    assert "may not be reached" in destination.last_error
    assert collector.seen == []


def test_traces_that_cannot_be_written_down_keep_nobody_elses(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    told(team)
    with monkeypatch.context() as patched:
        patched.setattr(outgoing, "encoded", lambda *_, **__: 1 / 0)
        assert send_on().failed == 1
    destination.refresh_from_db()
    assert "ZeroDivisionError" in destination.last_error
    assert destination.paused_until is not None
    TraceDestination.objects.update(paused_until=None)
    assert send_on().sent == 1


def test_nothing_is_queued_for_teams_that_do_not_send_on(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    going_to(f"http://{collector.place}/v1/traces", allow=collector.place, is_on=False)
    told(team)
    other = Team.objects.create(slug="wasps", name="Wasps")
    told(other)
    assert not OutgoingTrace.objects.exists()


def test_what_waited_too_long_is_given_up(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    destination = going_to(f"http://{collector.place}/v1/traces", allow=collector.place)
    told(team)
    OutgoingTrace.objects.update(queued_at=timezone.now() - GIVEN_UP_AFTER - dt.timedelta(minutes=1))
    assert send_on().sent == 0
    destination.refresh_from_db()
    assert (destination.dropped, OutgoingTrace.objects.count(), collector.seen) == (1, 0, [])


def test_a_destination_that_another_process_serves_is_left_to_it(
    team: Team, going_to: Callable[..., TraceDestination], collector: Collector
) -> None:
    going_to(
        f"http://{collector.place}/v1/traces",
        allow=collector.place,
        busy_by="another",
        busy_until=timezone.now() + dt.timedelta(minutes=1),
    )
    told(team)
    assert send_on().sent == 0
    assert (OutgoingTrace.objects.count(), collector.seen) == (1, [])


def test_headers_are_kept_encrypted(going_to: Callable[..., TraceDestination]) -> None:
    destination = going_to("http://example.org/v1/traces", allow="", headers='{"Authorization": "Bearer s3cret"}')
    assert "s3cret" not in destination.encrypted_secret
    assert destination.encrypted_secret
