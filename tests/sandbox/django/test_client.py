"""The client against real sockets: what it sends once, what it tries again, and what its errors mean."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apps.sandbox import errors
from apps.sandbox.address import parse_address, refusal_note
from apps.sandbox.client import SandboxClient, close_shared_clients, shared_client
from apps.sandbox.door import Door
from apps.sandbox.protocol import RunRequest, Status
from tests.sandbox.django.wire import OK, HangsUp, Says, Waits, Wire, listening

RUN = RunRequest(code="def main(): return {'answer': 42}")
KEY = "a key of sixteen letters"


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.sock"


@pytest.fixture
async def wire(socket: Path) -> AsyncIterator[Wire]:
    async with listening(socket) as wire:
        yield wire


def client_of(socket: Path, *, patience_s: float = 2.0) -> SandboxClient:
    return SandboxClient(Door(address=parse_address(f"unix:{socket}"), api_key=KEY), patience_s=patience_s)


async def test_a_run_is_sent_once_with_the_key_and_an_id_and_its_result_comes_back(wire: Wire, socket: Path):
    async with client_of(socket) as client:
        result = await client.run(RUN)
    assert (result.status, result.outputs, result.usage.peak_kb) == (Status.OK, {"answer": 42}, 9000)
    (sent,) = wire.requests
    assert (sent.method, sent.path, sent.headers["x-api-key"]) == ("POST", "/v1/run", KEY)
    assert sent.json["code"] == RUN.code
    assert re.fullmatch("call-[0-9a-f]{32}", sent.json["run_id"])


async def test_connections_are_used_again(wire: Wire, socket: Path):
    async with client_of(socket) as client:
        for _ in range(5):
            await client.run(RUN)
    assert (len(wire.requests), wire.connections) == (5, 1)


async def test_a_sandbox_that_is_still_starting_is_waited_for(socket: Path):
    async with client_of(socket) as client:
        running = asyncio.ensure_future(client.run(RUN))
        await asyncio.sleep(0.3)
        async with listening(socket) as wire:
            assert (await running).status is Status.OK
    assert len(wire.requests) == 1


async def test_one_that_never_comes_is_unreachable_when_the_patience_is_over(socket: Path):
    began = time.monotonic()
    async with client_of(socket, patience_s=0.3) as client:
        with pytest.raises(errors.SandboxUnreachable) as caught:
            await client.run(RUN)
    assert caught.value.retryable
    assert time.monotonic() - began < 1.5


async def test_one_that_declined_to_start_is_off_at_once_with_its_reason_and_the_way_to_another(socket: Path):
    refusal_note(socket).write_text("This kernel has neither namespaces\nnor Landlock.\n")
    began = time.monotonic()
    async with client_of(socket, patience_s=30) as client:
        with pytest.raises(errors.SandboxOff) as caught:
            await client.run(RUN)
    assert time.monotonic() - began < 1
    assert caught.value.reason == "This kernel has neither namespaces nor Landlock."
    assert "This kernel has neither" in caught.value.message
    assert "SANDBOX_URL=http://" in caught.value.message
    assert not caught.value.retryable


async def test_a_dead_socket_with_a_note_beside_it_is_off_too(socket: Path):
    async with listening(socket):
        pass
    socket.touch()
    refusal_note(socket).write_text("No.")
    async with client_of(socket) as client:
        with pytest.raises(errors.SandboxOff, match="No"):
            await client.run(RUN)


async def test_without_a_sandbox_code_is_off(socket: Path):
    async with SandboxClient(Door(address=parse_address("off"))) as client:
        with pytest.raises(errors.SandboxOff, match="No sandbox is configured"):
            await client.run(RUN)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_sandbox_is_asked_again_after_the_time_it_names(wire: Wire, socket: Path, status: int):
    wire.script += [Says(status, {"error": {"code": "busy", "message": "full"}}, {"Retry-After": "0.2"})] * 2
    began = time.monotonic()
    async with client_of(socket) as client:
        assert (await client.run(RUN)).status is Status.OK
    assert len(wire.requests) == 3
    assert len({request.json["run_id"] for request in wire.requests}) == 1
    assert time.monotonic() - began >= 0.4


async def test_a_sandbox_that_stays_busy_is_given_up_and_named_so(wire: Wire, socket: Path):
    wire.script += [Says(429, {"error": {"code": "busy", "message": "full"}}, {"Retry-After": "60"})]
    async with client_of(socket, patience_s=1) as client:
        with pytest.raises(errors.SandboxBusy) as caught:
            await client.run(RUN)
    assert len(wire.requests) == 1
    assert (caught.value.http_status, caught.value.retryable) == (429, True)


async def test_what_was_sent_is_never_sent_twice(wire: Wire, socket: Path):
    wire.script.append(HangsUp())
    async with client_of(socket) as client:
        with pytest.raises(errors.SandboxLost, match="Run it again"):
            await client.run(RUN)
        assert len(wire.requests) == 1
        assert (await client.run(RUN)).status is Status.OK


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"error": {"code": "unauthorized", "message": "no"}}, errors.SandboxUnauthorized, "SANDBOX_API_KEY"),
        (
            400,
            {"error": {"code": "malformed", "message": "may be 60 at most", "path": "limits.wall_s"}},
            errors.SandboxRejected,
            "limits.wall_s: may be 60 at most",
        ),
        (413, {"error": {"code": "too_large", "message": "is too large"}}, errors.SandboxRejected, "is too large"),
        (
            400,
            {"error": {"code": "profile_unavailable", "message": "install numpy"}},
            errors.SandboxProfileUnavailable,
            "install numpy",
        ),
        (404, b"<html>nginx</html>", errors.SandboxUnreachable, "no sandbox"),
        (400, b"[" * 100_000, errors.SandboxUnreachable, "no sandbox"),
        (200, b"<html>hello</html>", errors.SandboxLost, "cannot be read"),
        (200, {**OK, "status": "wonderful"}, errors.SandboxLost, "cannot be read"),
    ],
)
async def test_every_refusal_has_its_type(wire: Wire, socket: Path, status, body, kind, words):
    wire.script.append(Says(status, body))
    async with client_of(socket) as client:
        with pytest.raises(errors.SandboxError) as caught:
            await client.run(RUN)
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert KEY not in caught.value.message
    assert len(wire.requests) == 1


async def test_inputs_that_json_cannot_hold_are_refused_before_anything_is_sent(wire: Wire, socket: Path):
    async with client_of(socket) as client:
        with pytest.raises(errors.SandboxRejected, match="inputs"):
            await client.run(RunRequest(code="x", inputs={"x": math.nan}))
    assert wire.requests == []


async def test_cancelling_closes_the_connection_so_that_the_run_is_killed(wire: Wire, socket: Path):
    wire.script.append(Waits())
    async with client_of(socket) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.run(RUN)
        await asyncio.wait_for(wire.left.wait(), 2)
        assert (await client.run(RUN)).status is Status.OK


async def test_a_run_is_killed_by_its_id(wire: Wire, socket: Path):
    wire.script += [Says(204, b""), Says(404, {"error": {"code": "not_found", "message": "no"}})]
    async with client_of(socket) as client:
        assert await client.kill("run-1:code") is True
        assert await client.kill("run-2") is False
        assert await client.kill("../../health") is False
    assert [(sent.method, sent.path) for sent in wire.requests] == [
        ("DELETE", "/v1/runs/run-1:code"),
        ("DELETE", "/v1/runs/run-2"),
    ]


async def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch):
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with SandboxClient(Door(address=parse_address(f"http://127.0.0.1:{port}/"), api_key=KEY)) as client:
        assert (await client.run(RUN)).status is Status.OK
    server.close()


def test_the_key_is_not_in_the_words_for_the_door():
    assert KEY not in repr(Door(address=parse_address("unix:/x"), api_key=KEY))


async def test_runs_of_one_loop_share_a_client_that_can_be_closed(wire: Wire, socket: Path, settings):
    settings.SANDBOX_URL = f"unix:{socket}"
    first = await shared_client()
    await asyncio.gather(*(first.run(RUN) for _ in range(8)))
    assert await shared_client() is first
    assert wire.open > 0
    await close_shared_clients()
    await asyncio.sleep(0.05)
    assert wire.open == 0
    second = await shared_client()
    assert second is not first
    assert (await second.run(RUN)).status is Status.OK
    await close_shared_clients()


def test_a_loop_that_ends_closes_its_connections(socket: Path, settings):
    settings.SANDBOX_URL = f"unix:{socket}"

    async def once() -> SandboxClient:
        async with listening(socket):
            client = await shared_client()
            await client.run(RUN)
            return client

    first, second = asyncio.run(once()), asyncio.run(once())
    assert first is not second
    assert first._http.is_closed
    assert second._http.is_closed
