"""What a caller, the database and the trace say when a run cannot succeed."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from apps.traces.models import Trace
from apps.workflows.models import Application, Message, Run, Version
from apps.workflows.selectors.events import stored_events
from tests.chaos.processes import Web
from tests.model_runtime.openai_server import Completion, OpenAIServer, Refusal
from tests.workflows.runs.conftest import KeyOf, MakeApp
from tests.workflows.talking import ask, asking, chat, ended, eventually, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

NINE = Completion("one two three four five six seven eight nine")
OVERLOADED = {"error": {"message": "The engine is overloaded", "type": "server_error", "code": "server_error"}}


@pytest.mark.parametrize(
    ("answer", "code", "status", "partial"),
    [
        (Refusal(500), "provider_unavailable", 502, ""),
        (Refusal(401, {"error": {"message": "Incorrect API key"}}), "unauthorized_provider", 400, ""),
        (Refusal(429, {"error": {"message": "slow down"}}, {"Retry-After": "7"}), "rate_limited", 429, ""),
        (Completion(NINE.text, cut_after=4), "stream_interrupted", 502, "one two three"),
        (Completion(NINE.text, done=False, finish_reason=None, usage=None), "stream_interrupted", 502, NINE.text),
        (Completion(NINE.text, error_after=(4, OVERLOADED)), "stream_interrupted", 502, "one two three"),
    ],
    ids=["down", "wrong key", "too many", "connection lost", "half a stream", "error inside a 200"],
)
def test_a_provider_that_fails_ends_the_run_with_its_reason_and_keeps_what_was_said(
    web: Web,
    provider: OpenAIServer,
    make_app: MakeApp,
    key_of: KeyOf,
    answer: Any,
    code: str,
    status: int,
    partial: str,
) -> None:
    headers = key_of(make_app(asking()))
    provider.script(answer)
    frames = chat(web.base, headers)
    (error,) = [frame for _, frame in frames if frame["event"] == "error"]
    assert (error["code"], error["status"], error["node_id"]) == (code, status, "reply")
    assert error["message"]
    assert "test-key" not in str(frames)
    assert text_of(frames) == partial
    assert frames[-1][1]["event"] == "workflow_finished"
    assert frames[-1][1]["data"]["status"] == "failed"
    _rows_agree(frames[0][1]["task_id"], code, partial)

    provider.script(answer)
    reply = ask(web.base, headers)
    assert reply.status_code == reply.json()["status"] == status
    assert reply.json()["code"] == code
    assert reply.headers.get("Retry-After") == ("7" if status == 429 else None)
    _rows_agree(reply.json()["task_id"], code, partial)


def _rows_agree(run_id: str, code: str, partial: str) -> None:
    run = Run.objects.get(id=run_id)
    message = Message.objects.get(run=run)
    assert (run.status, run.error["code"], run.lease_until) == ("failed", code, None)
    assert (message.status, message.error["code"], message.answer) == ("error", code, partial)
    trace = eventually(lambda: Trace.objects.filter(run_id=run.id).first())
    assert (trace.status, trace.error_code) == ("failed", code)
    assert (trace.output_preview or "") == partial


def test_a_provider_that_hangs_is_given_up_after_the_time_the_document_allows(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking(timeout="400ms")))
    for hang_after, partial in [(0, ""), (4, "one two three")]:
        provider.script(Completion(NINE.text, hang_after=hang_after))
        began = time.monotonic()
        frames = chat(web.base, headers)
        assert 0.4 <= time.monotonic() - began < 4
        assert text_of(frames) == partial
        (error,) = [frame for _, frame in frames if frame["event"] == "error"]
        assert error["status"] == 504
        assert Run.objects.get(id=error["task_id"]).error["code"] == error["code"]
        assert Message.objects.get(run_id=error["task_id"]).answer == partial


def _retrieving(dataset: str) -> dict[str, Any]:
    document = asking("Reading")
    document["nodes"].insert(
        1, {"id": "find", "type": "knowledge-retrieval", "config": {"query": "sys.query", "datasets": [dataset]}}
    )
    document["edges"] = [
        {"from": "start", "to": "find"},
        {"from": "find", "to": "reply"},
        {"from": "reply", "to": "say"},
    ]
    return document


def test_a_dataset_that_does_not_exist_fails_the_run_by_name(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app(_retrieving("gone")))
    reply = ask(web.base, headers)
    assert reply.json()["code"] == "dataset_not_found"
    assert "gone" in reply.json()["message"]
    assert reply.json()["node_id"] == "find"
    assert 400 <= reply.status_code < 500
    assert Message.objects.get().status == "error"


def test_an_app_without_a_published_version_is_unavailable(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    app = make_app(asking())
    headers = key_of(app)
    Application.objects.filter(id=app.id).update(live=None)
    reply = ask(web.base, headers)
    assert (reply.status_code, reply.json()["code"]) == (400, "app_unavailable")
    assert not Run.objects.exists()


@pytest.mark.parametrize("nodes", [[{"id": "a", "type": "crystal-ball", "config": {}}], "nonsense", None, [3]])
def test_a_version_that_means_nothing_any_more_is_refused_and_leaves_no_run(
    web: Web, make_app: MakeApp, key_of: KeyOf, nodes: Any
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    version = Version.objects.get(id=app.live_id)
    Version.objects.filter(id=version.id).update(document={**version.document, "nodes": nodes})
    for reply in (ask(web.base, headers), ask(web.base, headers, response_mode="streaming")):
        assert (reply.status_code, reply.json()["code"]) == (400, "app_unavailable")
    assert not Run.objects.exists()


NASTY = "a\x00b 𝄞 \u202e </script> " + "\u2028 \x85"


def test_text_that_databases_refuse_survives_both_ways(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    provider.script(Completion(NASTY, split=1))
    frames = chat(web.base, headers, query=NASTY, user="a\x00da")
    message = Message.objects.get()
    assert message.query == NASTY.replace("\x00", "\ufffd")
    assert message.answer == text_of(frames) == NASTY.replace("\x00", "\ufffd")
    assert message.run.status == "succeeded"
    assert message.run.end_user == "ada"
    lone = b'{"query": "\\ud800", "inputs": {}, "user": "ada", "response_mode": "blocking"}'
    reply = httpx.post(
        f"{web.base}/v1/chat-messages", content=lone, headers={**headers, "Content-Type": "application/json"}
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_param")


def test_a_megabyte_passes_through_and_more_is_refused(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    provider.script(Completion("x" * 1_000_000))
    frames = chat(web.base, headers, query="q" * 100_000)
    assert text_of(frames) == "x" * 1_000_000
    assert Message.objects.get().answer == "x" * 1_000_000
    assert ask(web.base, headers, query="q" * 100_001).status_code == 413


JSON_IN = {
    "skep": 1,
    "app": {"name": "Passing", "kind": "workflow"},
    "inputs": [{"name": "thing", "label": "Thing", "type": "json", "required": True}],
    "nodes": [
        {"id": "start", "type": "start"},
        {"id": "pass", "type": "variable-aggregator", "config": {"variables": ["inputs.thing"]}},
        {"id": "end", "type": "end", "config": {"outputs": {"thing": "pass.output"}}},
    ],
    "edges": [{"from": "start", "to": "pass"}, {"from": "pass", "to": "end"}],
}


def test_strange_json_values_pass_or_are_refused_but_never_break_a_run(
    web: Web, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = {**key_of(make_app(JSON_IN)), "Content-Type": "application/json"}
    url = f"{web.base}/v1/workflows/run"
    deep = "[" * 90 + "]" * 90
    too_deep = "[" * 3000 + "]" * 3000
    accepted = ['{"n": 123456789012345678901234567890}', '{"k\\u0000": "v\\u0000"}', deep, "[1e308, -0.0]"]
    refused = ['{"n": NaN}', '{"n": Infinity}', too_deep, '"text"', "7"]
    for text, wanted in [(text, 200) for text in accepted] + [(text, 400) for text in refused]:
        body = f'{{"inputs": {{"thing": {text}}}, "user": "ada", "response_mode": "blocking"}}'
        reply = httpx.post(url, content=body, headers=headers, timeout=20)
        assert reply.status_code == wanted, (text[:40], reply.text[:300])
        if wanted == 200:
            assert reply.json()["data"]["status"] == "succeeded", text[:40]
    assert not Run.objects.filter(status="running").exists()


def test_every_log_is_without_a_gap_and_ends_once(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    provider.script(Completion(NINE.text, pause=0.05), Refusal(500), Completion(NINE.text, cut_after=5))
    for _ in range(3):
        run = ended(chat(web.base, headers)[0][1]["task_id"])
        seqs, events = zip(*stored_events(run.id), strict=True)
        assert list(seqs) == list(range(1, len(seqs) + 1))
        assert [event.kind for event in events].count("run_finished") == 1
        assert events[-1].kind == "run_finished"
