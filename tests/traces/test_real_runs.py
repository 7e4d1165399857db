"""Real runs leave a trace: through the runner, the log, the hooks and the writer's thread."""

import datetime as dt
import io
import json
from uuid import UUID

import pytest
from celery.signals import worker_process_shutdown
from django.core.management import call_command

from accounts.models import Team
from apps.traces.models import AgentThought, Span, Trace
from apps.traces.recorder.observer import flush, observe
from apps.traces.services import find_missing
from apps.traces.services.find_missing import rebuild_missing_traces
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.traces.tasks import rebuild
from apps.workflows import services
from support.ids import uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
CHAT = """
skep: 1
app: {name: Echo, kind: chat}
nodes:
  - {id: start, type: start}
  - {id: which, type: if-else, config: {cases: [{id: loud, conditions: [{left: sys.query, op: contains, right: "!"}]}]}}
  - {id: calm, type: answer, title: Stay calm, config: {text: "Never mind."}}
  - id: reply
    type: llm
    title: Reply
    config:
      model: {name: demo, temperature: 0.4}
      prompt: [{role: system, text: Be brief.}, {role: user, text: "{{ sys.query }}"}]
  - {id: say, type: answer, config: {text: "You said: {{ reply.text }}"}}
edges:
  - {from: start, to: which}
  - {from: which, to: calm, when: loud}
  - {from: which, to: reply, when: else}
  - {from: reply, to: say}
"""


@pytest.fixture
def ask(transactional_db):
    """Runs the app in the foreground, as an operator would, and gives its only trace."""
    team = Team.objects.create(slug="bees", name="Bees")
    services.import_document(text=CHAT, team_id=team.id)

    def run(query: str) -> tuple[dict, Trace]:
        out = io.StringIO()
        call_command("run_app", "echo", "--query", query, "--team", "bees", stdout=out)
        assert flush(10)
        return json.loads(out.getvalue().splitlines()[-1]), Trace.objects.latest("started_at")

    return run


def test_a_run_leaves_a_trace_with_every_node_its_tokens_and_its_parameters(ask):
    outcome, trace = ask("How tall is a skep?")
    assert (outcome["status"], trace.status) == ("succeeded", "succeeded")
    assert trace.output["answer"] == outcome["outputs"]["answer"]
    assert trace.total_tokens == outcome["usage"]["total_tokens"] > 0
    assert (trace.application_name, trace.source, trace.version_number) == ("Echo", "shell", 1)
    spans = {span.node_id: span for span in Span.objects.filter(trace=trace)}
    assert [spans[node].status for node in ("start", "which", "calm", "reply", "say")] == [
        "ok",
        "ok",
        "skipped",
        "ok",
        "ok",
    ]
    assert spans["which"].handle == "else"
    assert spans["reply"].payload.process["messages"][0] == {"role": "system", "text": "Be brief."}
    thought = AgentThought.objects.get(trace=trace)
    assert thought.parameters["temperature"] == 0.4
    assert thought.model
    assert thought.thought in trace.output["answer"]


def test_a_trace_that_was_lost_is_rebuilt_from_the_log_as_it_was(ask):
    _, trace = ask("How tall is a skep?")
    before = _rows(trace.id)
    Trace.objects.all().delete()
    assert rebuild(str(trace.id)) == len(before["spans"])
    after = _rows(trace.id)
    for name, value in before["trace"].items():
        assert after["trace"][name] == value, name
    for one, other in zip(before["spans"], after["spans"], strict=True):
        assert one == other


def test_rebuilding_leaves_a_trace_that_is_there_alone_unless_told_otherwise(ask):
    _, trace = ask("How tall is a skep?")
    Trace.objects.filter(id=trace.id).update(name="Changed")
    rebuild(str(trace.id))
    assert Trace.objects.get(id=trace.id).name == "Changed"
    rebuild_trace(trace.id, replace=True)
    assert Trace.objects.get(id=trace.id).name == "Echo"


def test_rebuilding_the_trace_of_a_run_that_is_gone_does_nothing():
    assert rebuild(str(uuid7())) == 0


def _rows(trace_id: UUID) -> dict:
    return {
        "trace": Trace.objects.filter(id=trace_id).values().get(),
        "spans": list(Span.objects.filter(trace_id=trace_id).order_by("position").values()),
    }


def test_a_run_that_ended_without_a_trace_gets_one_later(ask, monkeypatch):
    _outcome, trace = ask("How tall is a skep?")
    Trace.objects.all().delete()
    assert rebuild_missing_traces() == 0, "its process may still be writing"
    monkeypatch.setattr(find_missing, "PATIENCE", dt.timedelta())
    assert rebuild_missing_traces() == 1
    assert Trace.objects.get().run_id == trace.run_id
    assert rebuild_missing_traces() == 0


def test_a_worker_process_that_ends_writes_what_is_queued_first():
    told = [stories.retrieval_chat() for _ in range(3)]
    for story in told:
        observer = observe(story.run)
        for seq, event in story.log:
            observer.on_event(seq, event)
    worker_process_shutdown.send(sender=None, pid=0, exitcode=0)
    assert Trace.objects.filter(id__in=[story.run.run_id for story in told]).count() == 3
