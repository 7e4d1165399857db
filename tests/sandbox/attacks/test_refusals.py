"""What is no proper request gets an error of one shape, and afterwards the sidecar serves on."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.trivial import answers_again, answers_at_once
from tests.sandbox.sidecar_process import Sidecar, modes_here, running_sidecar

GOOD = {"language": "python3", "code": "def main(**_):\n    return {}"}


def body(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


MALFORMED: dict[str, tuple[bytes, str | None]] = {
    "no JSON": (b"{", None),
    "nothing": (b"", None),
    "not UTF-8": (b'{"code":"\xff"}', None),
    "a list": (b"[]", None),
    "nested JSON": (b"[" * 100_000, None),
    "nested inputs": (body(inputs={"a": json.loads("[" * 200 + "]" * 200)}), None),
    "NaN": (b'{"language":"python3","code":"x","inputs":{"a":NaN}}', None),
    "a number beyond all": (b'{"language":"python3","code":"x","inputs":{"a":1e400}}', None),
    "a number of a million digits": (
        b'{"language":"python3","code":"x","inputs":{"a":' + b"1" * 1_000_000 + b"}}",
        None,
    ),
    "no code": (b'{"language":"python3"}', "code"),
    "code of another type": (body(code=["x"]), "code"),
    "inputs of another type": (body(inputs=[1]), "inputs"),
    "an unknown language": (body(language="perl"), "language"),
    "an unknown field": (body(command="id"), "command"),
    "an unknown mode": (body(mode="shell"), "mode"),
    "a profile that is a path": (body(profile="../../etc"), "profile"),
    "a run id with a path": (body(run_id="../x"), "run_id"),
    "too long a wall": (body(limits={"wall_s": 1e9}), "limits.wall_s"),
    "an endless wall": (b'{"language":"python3","code":"x","limits":{"wall_s":1e999}}', None),
    "no wall at all": (body(limits={"wall_s": 0}), "limits.wall_s"),
    "a negative wall": (body(limits={"wall_s": -1}), "limits.wall_s"),
    "too much memory": (body(limits={"memory_mb": 10**9}), "limits.memory_mb"),
    "true for memory": (body(limits={"memory_mb": True}), "limits.memory_mb"),
    "an unknown limit": (body(limits={"files": 5}), "limits.files"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_with_its_path(root_or_user: Sidecar, name: str) -> None:
    sent, path = MALFORMED[name]
    answer = root_or_user.ask("POST", "/v1/run", body=sent)
    assert answer.code == 400, answer
    assert answer.body["error"]["code"] == "malformed"
    assert answer.body["error"]["message"]
    if path is not None:
        assert answer.body["error"]["path"] == path
    assert answers_at_once(root_or_user)


def test_the_other_refusals_have_their_codes(root_or_user: Sidecar) -> None:
    ask = root_or_user.ask
    refusals = {
        (404, "not_found"): ask("GET", "/nothing"),
        (405, "method_not_allowed"): ask("GET", "/v1/run"),
        (400, "profile_unavailable"): ask("POST", "/v1/run", body=body(profile="nowhere")),
        (400, "language_unavailable"): ask("POST", "/v1/run", body=body(profile="javascript")),
    }
    for (code, name), answer in refusals.items():
        assert (answer.code, answer.body["error"]["code"]) == (code, name), answer
    assert answers_at_once(root_or_user)


RAW = {
    411: b"POST /v1/run HTTP/1.1\r\nHost: x\r\nX-Api-Key: KEY\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    413: b"POST /v1/run HTTP/1.1\r\nHost: x\r\nX-Api-Key: KEY\r\nContent-Length: 99999999\r\n\r\n",
    400: b"POST /v1/run HTTP/1.1\r\nHost: x\r\nX-Api-Key: KEY\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("code", RAW)
def test_bytes_that_are_no_proper_request_are_refused(root_or_user: Sidecar, code: int) -> None:
    assert status_of(root_or_user, RAW[code].replace(b"KEY", root_or_user.key.encode())) == code
    assert answers_at_once(root_or_user)


HOSTILE = {
    "a head without end": b"GET /health HTTP/1.1\r\nX-A: " + b"a" * 100_000,
    "a thousand headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: 1\r\n" * 1000 + b"\r\n",
    "two lengths": b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a folded header": b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n",
    "a bare line feed": b"GET /health HTTP/1.1\nHost: x\n\n" + b" " * 20_000,
    "TLS": bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]) + bytes(20_000),
    "a NUL in the path": b"GET /health\0 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_get_an_error_and_a_closed_connection(root_or_user: Sidecar, name: str) -> None:
    assert 400 <= status_of(root_or_user, HOSTILE[name]) < 500
    assert answers_at_once(root_or_user)


def status_of(sidecar: Sidecar, sent: bytes) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(15)
        connection.connect(str(sidecar.socket))
        connection.sendall(sent)
        received = b""
        while b"\r\n" not in received and (piece := connection.recv(4096)):
            received += piece
    return int(received.split(b" ")[1])


@pytest.mark.parametrize(
    "headers", [{"X-Api-Key": "wrong-key-of-16+"}, {"X-Api-Key": ""}, {"X-Api-Key": "", "Authorization": "Bearer no"}]
)
def test_a_wrong_key_is_refused_on_tcp(over_tcp: tuple[Sidecar, int], headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", over_tcp[1], timeout=10)
    try:
        connection.request(
            "POST", "/v1/run", body=body(), headers={name: value for name, value in headers.items() if value}
        )
        response = connection.getresponse()
        assert response.status == 401
        assert json.loads(response.read())["error"]["code"] == "unauthorized"
    finally:
        connection.close()


@pytest.fixture(scope="module")
def over_tcp() -> Iterator[tuple[Sidecar, int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # The last --listen counts.
    with running_sidecar(
        modes_here()[0], "--listen", f"127.0.0.1:{port}", "--spares-python", "1", "--spares-javascript", "1"
    ) as sidecar:
        yield sidecar, port


def test_a_full_queue_is_told_to_come_back() -> None:
    slow = "import time\ndef main(**_):\n    time.sleep(0.5)\n    return {}"
    with running_sidecar(modes_here()[0], "--concurrency", "1", "--queue", "1") as sidecar:
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(sidecar.try_run(slow))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = sorted(answer.code for answer in answers)
        assert codes.count(200) >= 2
        assert codes.count(429) >= 3
        assert set(codes) == {200, 429}
        for answer in answers:
            if answer.code == 429:
                assert answer.body["error"]["code"] == "busy"
                assert int(answer.headers["retry-after"]) >= 1
        assert answers_at_once(sidecar)
        assert sidecar.health()["counters"]["rejected"] >= 3


def test_a_sidecar_whose_zygotes_start_says_so_until_they_are_back() -> None:
    with running_sidecar(modes_here()[0]) as sidecar:
        for zygote in sidecar.zygotes():
            zygote.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 5
        answer = sidecar.try_run("def main(**_):\n    return {}")
        while answer.code == 200 and answer.body["status"] == "killed" and time.monotonic() < deadline:
            answer = sidecar.try_run("def main(**_):\n    return {}")
        if answer.code != 200:
            assert (answer.code, answer.body["error"]["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert answers_again(sidecar)
