"""Runs as clients see them: their limits, their ends, and what the next run finds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.sandbox.sidecar_process import Sidecar, running_sidecar
from tests.sandbox.supervisor.wire import Wire, wait_until

SLEEP = "import time\ndef main(): time.sleep(30)"
TRIVIAL = "def main(): return {'fine': True}"
FORGE = "import os\ndef main():\n    data = {data}\n    while data: data = data[os.write(3, data):]\n"


def frame(body: str, *, kind: str = "R") -> str:
    return f"b'{kind}' + len(({body})).to_bytes(4, 'little') + ({body})"


@pytest.fixture
def sandbox(root_sidecar: Sidecar) -> Iterator[Sidecar]:
    """A sidecar that afterwards still runs code, and has nothing running."""
    yield root_sidecar
    assert root_sidecar.run(TRIVIAL)["outputs"] == {"fine": True}
    wait_until(lambda: root_sidecar.health()["queue"]["running"] == 0)


def ended(result: dict[str, Any]) -> tuple[str, str]:
    return result["status"], result["error"]["type"]


@pytest.mark.parametrize(
    ("code", "limits", "end"),
    [
        ("def main():\n    while True: pass", {"wall_s": 0.3}, ("timeout", "WallTimeLimit")),
        ("def main(): return {'a': 'x' * 3_000_000}", {}, ("output_limit", "ResultLimit")),
        ("def main(): return {'a': 'x' * 2_000}", {"result_bytes": 1_000}, ("output_limit", "ResultLimit")),
        ("def main():\n    while True: print('x' * 999)", {}, ("output_limit", "OutputLimit")),
        ("def main(): print('x' * 99)", {"output_bytes": 50}, ("output_limit", "OutputLimit")),
        ("def main(): bytearray(1 << 33)", {}, ("memory", "MemoryError")),
        ("import os\ndef main(): os._exit(3)", {}, ("error", "NoResult")),
        ("import ctypes\ndef main(): ctypes.string_at(0)", {}, ("killed", "Crashed")),
        ("import os\ndef main(): os.write(3, b'Zabcdef')", {}, ("protocol", "ProtocolViolation")),
        ("import os, time\ndef main():\n    os.close(3)\n    time.sleep(9)", {}, ("protocol", "ProtocolViolation")),
    ],
)
def test_every_way_to_end_has_a_status_and_a_type(
    sandbox: Sidecar, code: str, limits: dict[str, Any], end: tuple[str, str]
) -> None:
    began = time.monotonic()
    assert ended(sandbox.run(code, limits=limits)) == end
    assert time.monotonic() - began < 10


def test_processor_time_is_limited_whatever_the_wall_clock_says(sandbox: Sidecar) -> None:
    result = sandbox.run("def main():\n    while True: pass", limits={"cpu_s": 1, "wall_s": 30})
    assert ended(result) == ("timeout", "CpuTimeLimit")


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (frame('b\'{"ok":true,"outputs":{"forged":1}}\'') + "+ b'x'", ("protocol", "ProtocolViolation")),
        (f"({frame('b' + repr('{}'))}) * 2", ("protocol", "ProtocolViolation")),
        ("b'R\\xff\\xff\\xff\\xff'", ("protocol", "ProtocolViolation")),
        (frame("b'not json'"), ("protocol", "ProtocolViolation")),
        (frame("b'\\xff'"), ("protocol", "ProtocolViolation")),
        (frame('b\'{"ok":true,"outputs":{"a":\' + b"[" * 300000 + b"]" * 300000 + b"}}"'), ("error", "ResultNotJson")),
        (frame('b\'{"ok":true,"outputs":{"a":1e999}}\''), ("error", "ResultNotJson")),
        (frame('b\'{"ok":true,"outputs":{"a":\' + b"9" * 9999 + b"}}"'), ("error", "ResultNotJson")),
        (f"({frame('bytes(65536)', kind='O')}) * 50", ("output_limit", "OutputLimit")),
        (f"({frame('b' + repr(''), kind='E')}) * 3000000", ("output_limit", "ResultLimit")),
        ("b'S\\0\\0\\0\\0'", ("protocol", "ProtocolViolation")),
    ],
)
def test_a_forged_frame_ends_that_run_and_nothing_else(sandbox: Sidecar, data: str, end: tuple[str, str]) -> None:
    # Stays alive after it, so that the runtime's own result does not make a difference.
    code = FORGE.format(data=data) + "    import time; time.sleep(20)"
    assert ended(sandbox.run(code)) == end


def test_a_forged_result_is_only_that_runs_result(sandbox: Sidecar) -> None:
    data = frame('b\'{"ok":true,"outputs":{"forged":1},"cpu_ms":1e300,"peak_kb":-5}\'')
    result = sandbox.run(FORGE.format(data=data) + "    import time; time.sleep(20)")
    assert (result["status"], result["outputs"]) == ("ok", {"forged": 1})
    assert (result["usage"]["cpu_ms"], result["usage"]["peak_kb"]) == (0, 0)
    wait_until(lambda: sandbox.health()["queue"]["running"] == 0, within=2)


def test_what_was_printed_before_the_end_is_kept(sandbox: Sidecar) -> None:
    result = sandbox.run("print('before')\ndef main():\n    while True: pass", limits={"wall_s": 0.3})
    assert (result["status"], result["stdout"]) == ("timeout", "before\n")


def test_more_memory_than_the_default_is_a_process_of_its_own(sandbox: Sidecar) -> None:
    code = "def main(): return {'size': len(bytearray(350 << 20))}"
    assert ended(sandbox.run(code)) == ("memory", "MemoryError")
    assert sandbox.run(code, limits={"memory_mb": 600})["outputs"] == {"size": 350 << 20}
    small = "def main(): return {'size': len(bytearray(100 << 20))}"
    assert ended(sandbox.run(small, limits={"memory_mb": 64})) == ("memory", "MemoryError")


def test_a_run_is_killed_by_its_id(sandbox: Sidecar) -> None:
    with Wire(sandbox) as runner, Wire(sandbox) as killer:
        runner.send(runner.run(SLEEP, run_id="story:1"))
        wait_until(lambda: sandbox.health()["queue"]["running"] == 1)
        killer.send(killer.run(TRIVIAL, run_id="story:1"))
        assert (taken := killer.reply()).status == 400
        assert taken.json["error"]["path"] == "run_id"
        killer.send(killer.request("DELETE", "/v1/runs/story:1"))
        assert killer.reply().status == 204
        assert ended(runner.reply().json) == ("killed", "KilledByRequest")
        killer.send(killer.request("DELETE", "/v1/runs/story:1"))
        assert killer.reply().status == 404


def test_a_client_that_hangs_up_kills_its_run(sandbox: Sidecar) -> None:
    with Wire(sandbox) as wire:
        wire.send(wire.run(SLEEP))
        wait_until(lambda: sandbox.health()["queue"]["running"] == 1)
    wait_until(lambda: sandbox.health()["queue"]["running"] == 0, within=3)


def test_a_large_request_reaches_the_code_whole(sandbox: Sidecar) -> None:
    text = "é" * 1_000_000
    result = sandbox.run("def main(text): return {'length': len(text), 'end': text[-1]}", inputs={"text": text})
    assert result["outputs"] == {"length": 1_000_000, "end": "é"}


def test_code_that_never_reads_its_request_is_ended_by_the_clock(sandbox: Sidecar) -> None:
    """The request is larger than what the kernel keeps, and the supervisor goes on serving meanwhile."""
    with Wire(sandbox) as wire:
        wire.send(wire.run("import time\ntime.sleep(20)", inputs={"text": "x" * 4_000_000}, limits={"wall_s": 1}))
        assert sandbox.run(TRIVIAL)["status"] == "ok"
        assert ended(wire.reply().json) == ("timeout", "WallTimeLimit")


def test_languages_and_profiles_that_are_not_there_say_so(sandbox: Sidecar) -> None:
    for fields, code, path in (
        ({"profile": "nowhere"}, "profile_unavailable", "profile"),
        ({"profile": "net"}, "profile_unavailable", "profile"),
        ({"profile": "javascript"}, "language_unavailable", "language"),
        ({"language": "javascript", "profile": "data"}, "language_unavailable", "profile"),
        ({"limits": {"memory_mb": 5000}}, "malformed", "limits.memory_mb"),
    ):
        answer = sandbox.try_run(TRIVIAL, **fields)
        assert (answer.code, answer.body["error"]["code"], answer.body["error"]["path"]) == (400, code, path)


def test_the_lazy_profile_starts_when_it_is_asked_for(sandbox: Sidecar) -> None:
    answer = sandbox.try_run("import numpy\ndef main(): return {'sum': int(numpy.arange(5).sum())}", profile="data")
    if answer.code == 400:
        assert answer.body["error"]["code"] == "profile_unavailable"
        assert "install" in answer.body["error"]["message"]
    else:
        assert answer.body["outputs"] == {"sum": 10}
        assert sandbox.health()["profiles"]["data"]["state"] == "ready"


def taken_in(sidecar: Sidecar, count: int) -> bool:
    queue = sidecar.health()["queue"]
    return bool(queue["running"] + queue["waiting"] == count)


def test_a_full_queue_is_refused_and_a_waiting_run_can_be_killed() -> None:
    with (
        running_sidecar("root", "--concurrency", "1", "--queue", "2", "--node", "off") as sidecar,
        ExitStack() as stack,
    ):
        wires = [stack.enter_context(Wire(sidecar)) for _ in range(5)]
        for number, wire in enumerate(wires[:3]):
            wire.send(wire.run(SLEEP, run_id=f"run-{number}"))
            wait_until(partial(taken_in, sidecar, number + 1))
        wires[3].send(wires[3].run(TRIVIAL))
        refused = wires[3].reply()
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "busy", "1")
        assert sidecar.health()["queue"] == {"waiting": 2, "running": 1, "bound": 2}
        # Another profile has a queue of its own.
        other = wires[4]
        other.send(other.run("{{ 1 + 1 }}", profile="template"))
        wait_until(lambda: sidecar.health()["queue"]["waiting"] == 3)
        for number in (2, 1):
            assert sidecar.ask("DELETE", f"/v1/runs/run-{number}").code == 204
            assert ended(wires[number].reply().json) == ("killed", "KilledByRequest")
        wires[0].socket.close()
        assert other.reply().json["outputs"] == {"output": "2"}
        assert sidecar.try_run(TRIVIAL, language="javascript").body["error"]["code"] == "language_unavailable"
        counters = sidecar.health()["counters"]
        assert counters["rejected"] == 2


def test_many_clients_at_once_all_get_their_own_answer(sandbox: Sidecar) -> None:
    wrong: list[Any] = []

    def client(number: int) -> None:
        with Wire(sandbox) as wire:
            for turn in range(8):
                wire.send(wire.run("def main(n): return {'n': n}", inputs={"n": [number, turn]}))
                body = wire.reply().json
                if body.get("outputs") != {"n": [number, turn]}:
                    wrong.append(body)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_dify_clients_get_their_shape(sandbox: Sidecar) -> None:
    def ask(fields: dict[str, Any], **headers: str) -> Any:
        answer = sandbox.ask("POST", "/v1/sandbox/run", body=json.dumps(fields).encode(), headers=headers)
        return answer.code, answer.body

    script = {"language": "python3", "code": "import jinja2\nprint('<<RESULT>>', 1 + 1)", "enable_network": True}
    assert ask(script) == (
        200,
        {"code": 0, "message": "success", "data": {"stdout": "<<RESULT>> 2\n", "error": ""}},
    )
    status, body = ask({"language": "python3", "preload": "x = 1", "code": "print(x)\n1/0"})
    assert (status, body["data"]["stdout"]) == (200, "1\n")
    assert "ZeroDivisionError" in body["data"]["error"]
    status, body = ask({"language": "nodejs", "code": "console.log([1].map(x => x + 1)[0])"})
    assert body["data"] == {"stdout": "2\n", "error": ""}
    assert ask(script, **{"X-Api-Key": "wrong"}) == (
        401,
        {"code": -401, "message": "Unauthorized", "data": None},
    )
    assert ask({"language": "ruby", "code": ""}) == (
        400,
        {"code": -400, "message": "unsupported language", "data": None},
    )
    assert ask({"language": "python3"})[0] == 400
    listed = sandbox.ask("GET", "/v1/sandbox/dependencies").body["data"]["dependencies"]
    assert [each["name"] for each in listed] == ["jinja2", "markupsafe"]


def test_the_last_refusals_hold_no_words_of_the_code(root_sidecar: Sidecar) -> None:
    result = root_sidecar.run("def main(token):\n    raise MemoryError(token)", inputs={"token": "a-token-of-theirs"})
    assert (result["status"], result["error"]["message"]) == ("memory", "a-token-of-theirs")
    health = root_sidecar.health()
    assert health["refusals"][0]["message"] == "MemoryError"
    assert "a-token-of-theirs" not in str(health)
