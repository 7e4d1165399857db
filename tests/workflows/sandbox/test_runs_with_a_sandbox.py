"""Whole runs over HTTP whose nodes run in a sandbox: as members and clients see them, and when the sandbox dies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from apps.sandbox.models import Refusal
from apps.workflows.engine.events import NodeFailed, NodeSucceeded
from apps.workflows.models import Application, Run
from apps.workflows.selectors.events import stored_events
from console import demo
from tests.chaos.processes import Web, web_process
from tests.sandbox.sidecar_process import Sidecar, gone, running_sidecar
from tests.workflows.sandbox.conftest import MODE
from tests.workflows.talking import eventually

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]
KEY = "SKEPKEY-0123456789abcdef"


@dataclass(slots=True)
class Address:
    """A socket's path that stays while one sandbox after the other is behind it."""

    path: Path
    here: Sidecar | None = None

    @contextmanager
    def sandbox(self) -> Iterator[Sidecar]:
        """A new sandbox at this address; the one before is ended."""
        if self.here is not None:
            self.here.stop()
        with running_sidecar(MODE, key=KEY) as sidecar:
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(sidecar.socket)
            self.here = sidecar
            yield sidecar


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Address:
    return Address(tmp_path_factory.mktemp("sandbox") / "s.sock")


@pytest.fixture(scope="module")
def _sandboxes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def steady(address: Address, _sandboxes: ExitStack) -> Sidecar:
    """A sandbox at the address, the same for all tests that let it live."""
    if address.here is None or address.here.process.poll() is not None:
        _sandboxes.enter_context(address.sandbox())
    assert address.here is not None
    return address.here


@pytest.fixture(scope="module")
def _web(django_db_setup: None, address: Address) -> Iterator[Web]:
    with web_process(SANDBOX_URL=f"unix:{address.path}", SANDBOX_API_KEY=KEY) as web:
        yield web


@pytest.fixture
def web(transactional_db: None, _web: Web) -> Web:
    """A web process as an installation runs it, with an address for its sandbox."""
    return _web


def working(source: str, *, on_error: dict[str, Any] | None = None) -> dict[str, Any]:
    """A workflow of one code node and a template that says what it gave."""
    work: dict[str, Any] = {
        "id": "work",
        "type": "code",
        "config": {"code": source, "inputs": {"n": "inputs.n"}, "outputs": {"double": "integer"}},
    }
    if on_error:
        work["on_error"] = on_error
    page = {"template": "{% if double %}It is {{ double }}.{% endif %}", "inputs": {"double": "work.double"}}
    return {
        "skep": 1,
        "app": {"name": "Working", "kind": "workflow"},
        "inputs": [{"name": "n", "label": "N", "type": "number", "default": 21}],
        "nodes": [
            {"id": "start", "type": "start"},
            work,
            {"id": "page", "type": "template-transform", "config": page},
            {"id": "end", "type": "end", "config": {"outputs": {"text": "page.output"}}},
        ],
        "edges": [{"from": "start", "to": "work"}, {"from": "work", "to": "page"}, {"from": "page", "to": "end"}],
    }


DOUBLE = "def main(n):\n    print('doubling', n)\n    return {'double': n * 2}\n"
SLOW = "import time\ndef main(n):\n    time.sleep(2)\n    return {'double': n * 2}\n"


def post(web: Web, headers: dict[str, str], inputs: dict[str, Any] | None = None) -> httpx.Response:
    """One blocking run."""
    body = {"inputs": inputs or {}, "user": "ada", "response_mode": "blocking"}
    return httpx.post(f"{web.base}/v1/workflows/run", json=body, headers=headers, timeout=60)


def run(web: Web, headers: dict[str, str], inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """A run that succeeds; its `data`."""
    reply = post(web, headers, inputs)
    assert reply.status_code == 200, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


def ends_of(run_id: str) -> dict[str, NodeSucceeded | NodeFailed]:
    """How each node of a run ended, from the stored log."""
    events = (event for _, event in stored_events(run_id))
    return {event.node_id: event for event in events if isinstance(event, NodeSucceeded | NodeFailed)}


def test_a_workflow_runs_its_code_and_its_template_and_keeps_how(
    web: Web, steady: Sidecar, make_app: MakeApp, key_of: KeyOf
) -> None:
    before = steady.health()["counters"]["runs"].get("ok", 0)
    data = run(web, key_of(make_app(working(DOUBLE))), {"n": 4})
    assert (data["status"], data["outputs"]) == ("succeeded", {"text": "It is 8."})
    ends = ends_of(data["id"])
    assert ends["work"].process["stdout"] == "doubling 4\n"
    assert ends["work"].process["usage"]["wall_ms"] > 0
    assert ends["page"].process["usage"]["wall_ms"] > 0
    data = run(web, key_of(make_app(next(text for text in demo.app_documents() if "type: code" in text))))
    assert data["outputs"]["total"] == "234.79"
    assert steady.health()["counters"]["runs"]["ok"] == before + 4


def test_an_exception_fails_the_run_with_its_line(web: Web, steady: Sidecar, make_app: MakeApp, key_of: KeyOf) -> None:
    reply = post(web, key_of(make_app(working("def main(n):\n    return {'double': n / 0}"))))
    body = reply.json()
    assert (reply.status_code, body["code"], body["node_id"]) == (400, "code_error", "work")
    assert body["message"] == "ZeroDivisionError: division by zero (line 2)"
    assert 'File "main.py", line 2, in main' in ends_of(body["workflow_run_id"])["work"].process["traceback"]
    stored = Run.objects.get(id=body["workflow_run_id"])
    assert (stored.status, stored.error["code"], stored.error["node_id"]) == ("failed", "code_error", "work")


ATTACK = "import ctypes\ndef main(n):\n    return {'double': ctypes.CDLL(None).ptrace(0, 0, 0, 0)}"


def test_what_the_sandbox_refused_is_kept_for_operators(
    web: Web, steady: Sidecar, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(working(ATTACK))
    body = post(web, key_of(app)).json()
    assert body["code"] == "code_blocked"
    refusal = Refusal.objects.get(run_id=body["workflow_run_id"])
    assert (refusal.system_call, refusal.node_id, refusal.app_slug) == ("ptrace", "work", app.slug)
    assert refusal.team_id == app.team_id


def strange(value: str) -> str:
    return f"def main(n):\n    print({value})\n    return {{'double': 1, 'odd': {value}}}"


@pytest.mark.parametrize("value", [r"'a\x00b'", r"'\ud800'", r"{'k\x00': '\udfff'}", "2 ** 62", "[[[1]]]", "-0.0"])
def test_strange_values_of_code_are_stored_or_refused_but_never_break_a_run(
    web: Web, steady: Sidecar, make_app: MakeApp, key_of: KeyOf, value: str
) -> None:
    document = working(strange(value))
    document["nodes"][1]["config"]["outputs"]["odd"] = {"'": "string", "{": "object", "[": "array[any]"}.get(
        value[0], "number"
    )
    document["nodes"][3]["config"]["outputs"]["odd"] = "work.odd"
    data = run(web, key_of(make_app(document)))
    assert data["status"] == "succeeded", data["error"]
    assert "\\u0000" not in json.dumps(data["outputs"])
    assert Run.objects.get(id=data["id"]).status == "succeeded"


def kill(sidecar: Sidecar) -> None:
    """kill -9, once a run is under way; what it had started ends with it."""
    eventually(lambda: any(each["running"] for each in sidecar.health()["profiles"].values()), within=20)
    below = sidecar.descendants()
    psutil.Process(sidecar.pid).kill()
    sidecar.process.wait(5)
    assert gone(below, within=5) == []


def test_a_sandbox_that_is_killed_fails_the_run_by_name(
    web: Web, address: Address, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(working(SLOW)))
    with address.sandbox() as sidecar:
        killer = threading.Thread(target=kill, args=[sidecar])
        killer.start()
        reply = post(web, headers)
        killer.join(10)
    assert (reply.status_code, reply.json()["code"]) == (503, "sandbox_lost")
    assert Run.objects.get(id=reply.json()["workflow_run_id"]).error["code"] == "sandbox_lost"
    with address.sandbox():
        assert run(web, headers)["outputs"] == {"text": "It is 42."}


def test_a_run_whose_sandbox_is_killed_goes_on_after_its_restart(
    web: Web, address: Address, make_app: MakeApp, key_of: KeyOf
) -> None:
    on_error = {"retry": {"times": 2, "first": "200ms", "on": ["sandbox_lost"]}}
    headers = key_of(make_app(working(SLOW, on_error=on_error)))
    ended: list[dict[str, Any]] = []
    runner = threading.Thread(target=lambda: ended.append(run(web, headers)))
    with address.sandbox() as first:
        runner.start()
        kill(first)
    time.sleep(0.5)  # the retry comes while nobody answers yet
    with address.sandbox() as second:
        runner.join(40)
        assert second.health()["counters"]["runs"]["ok"] == 2
    assert ended[0]["status"] == "succeeded"
    assert ended[0]["outputs"] == {"text": "It is 42."}
    began = [event for _, event in stored_events(ended[0]["id"]) if event.kind == "node_started"]
    assert [event.node_id for event in began] == ["start", "work", "page", "end"]


def test_code_goes_on_when_its_sandbox_stops_in_order_and_comes_back(
    web: Web, address: Address, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(working(SLOW, on_error={"retry": {"times": 2, "first": "200ms"}})))
    ended: list[dict[str, Any]] = []
    runner = threading.Thread(target=lambda: ended.append(run(web, headers)))
    with address.sandbox() as first:
        runner.start()
        eventually(lambda: any(each["running"] for each in first.health()["profiles"].values()), within=20)
        first.stop()
    with address.sandbox():
        runner.join(40)
    assert ended[0]["outputs"] == {"text": "It is 42."}
