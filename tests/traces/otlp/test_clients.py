"""Real clients from the package index send to a real server: the examples of docs/otlp.md, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from accounts.models import Team
from accounts.services import create_api_key
from apps.traces.models import Span, SpanPayload, Trace
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.server import ROOT

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 300,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 1000},
    "completion_tokens_details": {"reasoning_tokens": 100},
}
PATIENCE_S = 90
Run = Callable[[str], list[Span]]


def example(client: str) -> str:
    """The Python of a section of the page."""
    page = (ROOT / "docs" / "otlp.md").read_text()
    section = re.search(rf"^### {re.escape(client)}\n(.*?)(?=^##)", page, re.DOTALL | re.MULTILINE)
    assert section is not None, f"docs/otlp.md has no section {client}"
    return re.findall(r"```python\n(.*?)```", section[1], re.DOTALL)[0]


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def run(team: Team, server: str, tmp_path: Path) -> Run:
    """Run the example of a client; the spans that arrived, in order."""
    _key, secret = create_api_key(team_id=team.id, subject_kind="traces", subject_id=team.id)

    def send(client: str) -> list[Span]:
        script = tmp_path / "example.py"
        script.write_text(example(client))
        whole, streamed = (Completion("A woven hive.", usage=USAGE, streamed=each) for each in (False, True))
        with OpenAIServer().in_thread() as openai:
            openai.script(whole, streamed)
            kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
            own = {"SKEP_URL": server, "SKEP_KEY": secret, "OPENAI_BASE_URL": openai.base_url, "OPENAI_API_KEY": "k"}
            done = subprocess.run(
                [sys.executable, script], env={**kept, **own}, capture_output=True, text=True, timeout=PATIENCE_S
            )
        assert done.returncode == 0, done.stderr
        return arrived(team, done.stderr)

    return send


def arrived(team: Team, said: str) -> list[Span]:
    """The spans once the root is there: exporters answer before they end, so nothing is on its way any more."""
    deadline = time.monotonic() + 10
    while not (spans := list(Span.objects.filter(team_id=team.id).order_by("started_at", "id"))):
        assert time.monotonic() < deadline, f"nothing arrived: {said}"
        time.sleep(0.05)
    return spans


def calls_of(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span.kind == "llm" and span.input_tokens]


@pytest.mark.parametrize("client", ["OpenInference", "OpenLLMetry", "GenAI instrumentation", "langfuse", "logfire"])
def test_a_client_sends_a_trace_that_is_complete(run: Run, client: str) -> None:
    spans = run(client)
    (trace,) = Trace.objects.all()
    calls = calls_of(spans)
    assert len(calls) == 2
    root = next(span for span in spans if not span.parent_key)
    assert {span.trace_id for span in spans} == {trace.id}
    assert all(call.parent_key == root.key or client == "logfire" for call in calls)
    assert root.name == "handle order"
    assert (trace.source, trace.status, trace.end_user, trace.session) == ("otlp", "succeeded", "ada", "s-1")
    for call in calls:
        assert call.model.startswith("gpt-4o-mini")
        assert (call.input_tokens, call.output_tokens, call.cached_tokens) == (1200, 300, 1000)
        payload = SpanPayload.objects.get(span_id=call.id)
        assert [(said["role"], said["text"]) for said in payload.process["messages"]] == [
            ("system", "Be brief."),
            ("user", "What is a skep?"),
        ]
        assert payload.outputs["text"] == "A woven hive."
        # 200 of the input were not cached: by the list prices of gpt-4o-mini, in dollars for a million.
        assert call.cost == (200 * Decimal("0.15") + 1000 * Decimal("0.075") + 300 * Decimal("0.6")) / 1_000_000
    assert calls[0].reasoning_tokens == 100
    assert trace.input_tokens == 2400
    assert trace.total_tokens == 3000
    assert trace.cost == 2 * calls[0].cost
    assert trace.unpriced_calls == 0
    assert trace.span_count == len(spans)


def test_the_sdk_alone_sends_what_its_program_says(run: Run) -> None:
    root, call, charge = run("OpenTelemetry SDK")
    assert (root.name, root.end_user, root.session, root.environment) == ("handle order", "ada", "s-1", "prod")
    assert (call.kind, call.model, call.input_tokens, call.output_tokens) == ("llm", "gpt-4o-mini", 1200, 300)
    assert (charge.status, charge.error_code) == ("error", "ValueError")
    assert "The card is refused." in charge.error_message
    assert call.parent_key == charge.parent_key == root.key
    (trace,) = Trace.objects.all()
    assert (trace.application_name, trace.error_count, trace.span_count) == ("shop", 1, 3)


def test_a_program_without_a_library_is_heard(run: Run) -> None:
    (span,) = run("Without a library")
    assert (span.name, span.end_user, span.duration_us) == ("handle order", "ada", 1_000_000)
