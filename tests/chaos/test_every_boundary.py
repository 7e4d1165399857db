"""kill -9 at every event of a run, then recovery: same outputs, nothing finished is done again, acts keep their key."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from pytest_django import Settings

from apps.workflows.engine.events import NodeIntended, NodeStarted, NodeSucceeded
from apps.workflows.models import Application, Run
from apps.workflows.selectors.applications import live_version
from apps.workflows.selectors.events import stored_events
from apps.workflows.services import accept_workflow, go_on_with_runs, hand_to_worker
from support.jobs import enqueue
from tests.chaos.test_web_dies import expire
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.server import ROOT, celery_worker, child_environment
from tests.workflows.talking import ended

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
MakeApp = Callable[..., Application]
#: Every boundary takes two minutes; a prime tries different kinds of them quickly. SKEP_TEST_BOUNDARIES=1: all.
STEP = int(os.environ.get("SKEP_TEST_BOUNDARIES", "5"))
WORKER_STEP = int(os.environ.get("SKEP_TEST_BOUNDARIES", "11"))


class Shop(http.server.ThreadingHTTPServer):
    """Takes orders and remembers under which key each came."""

    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Order)
        self.keys: list[tuple[str, str]] = []


class Order(http.server.BaseHTTPRequestHandler):
    server: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.keys.append((body, self.headers["Idempotency-Key"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(default=Completion("three small words")).in_thread() as server:
        yield server


def story(shop: Shop) -> dict[str, Any]:
    """A model, a branch that fails and is handled, orders in a loop over a list, a loop with a variable."""
    order = {
        "id": "order",
        "type": "http-request",
        "config": {
            "method": "POST",
            "url": f"http://127.0.0.1:{shop.server_port}/",
            "body": {"kind": "text", "text": "{{ item }}"},
        },
    }
    count = {
        "id": "count",
        "type": "assigner",
        "config": {"items": [{"variable": "loop.total", "operation": "add", "value": 2}]},
    }
    never = {"id": "never", "type": "variable-aggregator", "config": {"variables": ["item"]}}
    nodes = [
        {"id": "start", "type": "start"},
        {
            "id": "ask",
            "type": "llm",
            "config": {"model": {"name": "openai/m"}, "prompt": [{"role": "user", "text": "Say something."}]},
        },
        {
            "id": "choose",
            "type": "if-else",
            "config": {
                "cases": [{"id": "long", "conditions": [{"left": "ask.text", "op": "contains", "right": "small"}]}]
            },
        },
        {
            "id": "broken",
            "type": "iteration",
            "config": {"over": "ask.text", "body": {"nodes": [never]}},
            "on_error": {"then": "default", "outputs": {"output": []}},
        },
        {
            "id": "each",
            "type": "iteration",
            "config": {"over": "inputs.items", "body": {"nodes": [order]}, "collect": "order.body", "parallel": 2},
        },
        {
            "id": "again",
            "type": "loop",
            "config": {"rounds": 2, "variables": {"total": {"type": "number", "value": 1}}, "body": {"nodes": [count]}},
        },
        {
            "id": "end",
            "type": "end",
            "config": {"outputs": {"said": "ask.text", "orders": "each.output", "total": "again.total"}},
        },
    ]
    edges = ["start>ask", "ask>choose", "choose>broken:long", "broken>each", "each>again", "again>end"]
    return {
        "skep": 1,
        "app": {"name": "Story", "kind": "workflow"},
        "inputs": [{"name": "items", "type": "json", "default": ["bread", "honey", "wax"]}],
        "nodes": nodes,
        "edges": [
            {"from": way.split(">")[0], "to": way.split(">")[1].split(":")[0]}
            | ({"when": way.split(":")[1]} if ":" in way else {})
            for way in edges
        ],
    }


def test_a_run_that_is_killed_at_any_event_ends_as_if_it_had_not_been(
    make_app: MakeApp, shop: Shop, model: OpenAIServer, settings: Settings
) -> None:
    settings.ENV_PROVIDERS = [model.as_env_provider(api_key="k", chat_model="m")]
    settings.EGRESS_ALLOW = f"127.0.0.1:{shop.server_port}"
    app = make_app(story(shop))
    environment = child_environment(
        OPENAI_BASE_URL=model.base_url,
        OPENAI_API_KEY="k",
        OPENAI_MODEL="m",
        EGRESS_ALLOW=settings.EGRESS_ALLOW,
        DJANGO_SETTINGS_MODULE="console.settings.dev",
    )
    command = [sys.executable, "-m", "tests.chaos.dying"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as dying:
        assert dying.stdin is not None
        assert dying.stdout is not None
        died: list[str] = []
        number = 1
        while True:
            print(app.id, number, file=dying.stdin, flush=True)
            run_id, how = dying.stdout.readline().split()
            if how == "ended":
                break
            died.append(run_id)
            number += STEP
        dying.stdin.close()
    whole = Run.objects.get(id=run_id)
    assert whole.status == "partial-succeeded"
    assert whole.outputs == {"said": "three small words", "orders": ["ok", "ok", "ok"], "total": 5}
    assert number > 30
    paid_before = {run_id: _paid(run_id) for run_id in died}
    for run_id in died:
        expire(run_id)
    while go_on_with_runs():
        pass
    for run_id in died:
        _as_whole(run_id, whole, paid_before[run_id])
    by_act: dict[tuple[str, str], int] = Counter(shop.keys)
    assert len({key for _, key in by_act}) == 3 * (len(died) + 1)  # one key per order of each run, however often tried


def test_a_worker_that_is_killed_at_any_event_of_a_background_run_costs_nothing_but_time(
    make_app: MakeApp, shop: Shop, model: OpenAIServer, tmp_path: Path
) -> None:
    app = make_app(story(shop))
    environment = {
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "k",
        "OPENAI_MODEL": "m",
        "EGRESS_ALLOW": f"127.0.0.1:{shop.server_port}",
    }
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        queue.delete("celery", "runs", "unacked", "unacked_index")
    command = [sys.executable, "-m", "tests.chaos.dying_worker"]
    inner = child_environment(DJANGO_SETTINGS_MODULE="console.settings.dev", SKEP_PROCESS="worker", **environment)
    with (
        (tmp_path / "workers.log").open("ab") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=inner, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as dying,
    ):
        assert dying.stdin is not None
        assert dying.stdout is not None
        died: list[str] = []
        number = 1
        while True:
            run_id = _started_for_a_worker(app)
            print(number, file=dying.stdin, flush=True)
            how = dying.stdout.readline().strip()
            if how == "ended":
                break
            assert how == "died", (tmp_path / "workers.log").read_text()[-3000:]
            died.append(run_id)
            number += WORKER_STEP
        dying.stdin.close()
    whole = Run.objects.get(id=run_id)
    assert (whole.status, whole.epoch) == ("partial-succeeded", 1)
    assert whole.outputs == {"said": "three small words", "orders": ["ok", "ok", "ok"], "total": 5}
    assert number > 30
    paid_before = {run_id: _paid(run_id) for run_id in died}
    for run_id in died:
        assert Run.objects.get(id=run_id).epoch == 1, "no worker had taken it"
        expire(run_id)
    with celery_worker(DJANGO_SETTINGS_MODULE="console.settings.dev", **environment):
        # What a clock does every 15 seconds; each sweep takes a number of them.
        for _ in range(len(died) // 20 + 1):
            enqueue("workflows.go_on_with_runs")
        for run_id in died:
            ended(run_id, within=120)
    for run_id in died:
        _as_whole(run_id, whole, paid_before[run_id])
    assert len({key for _, key in shop.keys}) == 3 * (len(died) + 1)
    print(f"{len(died)} workers died, {sum(paid_before.values())} of them after the model was paid")


def _started_for_a_worker(app: Application) -> str:
    version = live_version(app)
    assert version is not None
    accepted = accept_workflow(
        application=app, version=version, inputs={}, source="api", end_user="ada", for_worker=True
    )
    hand_to_worker(accepted)
    return str(accepted.run.id)


def _paid(run_id: str) -> bool:
    return any(isinstance(event, NodeSucceeded) and event.node_id == "ask" for _, event in stored_events(run_id))


def _as_whole(run_id: str, whole: Run, was_paid: bool) -> None:
    run = Run.objects.get(id=run_id)
    log = [event for _, event in stored_events(run_id)]
    assert (run.status, run.outputs) == (whole.status, whole.outputs), run.error
    done: set[tuple[str, str]] = set()
    keys: dict[tuple[str, str], set[str]] = {}
    for event in log:
        if isinstance(event, NodeStarted):
            assert (event.frame, event.node_id) not in done
        elif isinstance(event, NodeSucceeded):
            done.add((event.frame, event.node_id))
        elif isinstance(event, NodeIntended):
            keys.setdefault((event.frame, event.node_id), set()).add(event.key)
    assert all(len(found) == 1 for found in keys.values())
    asked = sum(isinstance(event, NodeStarted) and event.node_id == "ask" for event in log)
    assert asked == 1 if was_paid else asked >= 1
