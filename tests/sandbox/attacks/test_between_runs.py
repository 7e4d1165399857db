"""What one run can learn of another, or do to it: points 16, 42, 43, 44 and 46."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.attacks.attack import PRELUDES, X86_64
from tests.sandbox.attacks.cases.memory_scan import HEAP_SCAN, JAVASCRIPT_SCAN, OBJECT_SCAN
from tests.sandbox.attacks.cases.processes import SIGNALS
from tests.sandbox.attacks.cases.runs import (
    EVERYBODY,
    FLAGS,
    JAVASCRIPT_CHANCE,
    JAVASCRIPT_PROBE,
    JAVASCRIPT_SPOILER,
    JS_KEEPER,
    KEEPER,
    NUMPY_CHANCE,
    PROBE,
    PYTHON_CHANCE,
    SPOILER,
    TALKER,
)
from tests.sandbox.attacks.trivial import answers_at_once
from tests.sandbox.sidecar_process import ORDINARY_USER, Sidecar

ROUNDS = 4


def canary() -> str:
    return f"SKEPRUN-{secrets.token_hex(16)}"


@pytest.mark.parametrize("code", [HEAP_SCAN, OBJECT_SCAN], ids=["memory", "objects"])
def test_a_python_run_finds_neither_the_key_nor_another_runs_payload(sidecar: Sidecar, code: str) -> None:
    for _ in range(ROUNDS):
        other = canary()
        kept = sidecar.run(KEEPER, inputs={"secret": other})
        assert kept["status"] == "ok", kept
    own = canary()
    result = sidecar.run(code, inputs={"own": own}, limits={"wall_s": 20})
    assert result["status"] == "ok", result
    assert own in result["outputs"]["found"], "the scan does not even find what is there"
    assert set(result["outputs"]["found"]) == {own}
    assert sidecar.key not in str(result["outputs"])
    assert not result["outputs"]["keys"]
    assert answers_at_once(sidecar)


def test_what_a_run_wrote_past_its_console_is_left_nowhere(sidecar: Sidecar) -> None:
    """The zygote, of which every later run is a copy, listens at descriptor 2 to why a run died."""
    for _ in range(ROUNDS):
        said = sidecar.run(TALKER, inputs={"secret": canary()})
        assert said["outputs"] == {"written": True}, said
    own = canary()
    result = sidecar.run(HEAP_SCAN, inputs={"own": own}, limits={"wall_s": 20})
    assert set(result["outputs"]["found"]) == {own}, result
    assert answers_at_once(sidecar)


def test_a_run_leaves_no_sign_on_what_is_open_in_every_run(sidecar: Sidecar) -> None:
    found = [sidecar.run(FLAGS)["outputs"]["flags"] for _ in range(ROUNDS)]
    assert found == [found[0]] * ROUNDS


def test_a_javascript_run_finds_no_other_runs_payload(sidecar: Sidecar) -> None:
    for _ in range(ROUNDS):
        assert sidecar.run(JS_KEEPER, language="javascript", inputs={"secret": canary()})["status"] == "ok"
    own = canary()
    result = sidecar.run(JAVASCRIPT_SCAN, language="javascript", inputs={"own": own}, limits={"wall_s": 20})
    assert result["status"] == "ok", result
    assert set(result["outputs"]["found"]) == {own}, result["outputs"]
    assert not result["outputs"]["keys"]
    assert answers_at_once(sidecar, language="javascript")


@pytest.mark.skipif(not X86_64, reason="the numbers of the calls are those of x86_64")
def test_a_run_cannot_kill_one_beside_it(sidecar: Sidecar, facts: dict[str, Any]) -> None:
    sleeper = "import time\ndef main(**_):\n    time.sleep(0.6)\n    return {'alive': True}"
    killer = PRELUDES["python3"].read_text() + SIGNALS.replace(
        "def main(**facts):", f"def main(**facts):{EVERYBODY}", 1
    )
    with ThreadPoolExecutor(4) as pool:
        victims = [pool.submit(sidecar.run, sleeper, limits={"wall_s": 5}) for _ in range(2)]
        result = sidecar.run(killer, inputs=facts, limits={"wall_s": 5})
        assert result["status"] == "ok", result
        assert result["outputs"]["reached"] == {}
        assert [victim.result()["outputs"] for victim in victims] == [{"alive": True}] * 2
    assert answers_at_once(sidecar)


def test_what_a_run_changes_in_the_interpreter_ends_with_it(sidecar: Sidecar) -> None:
    for _ in range(ROUNDS):
        sidecar.run(SPOILER)
        found = sidecar.run(PROBE)
        assert found["outputs"] == {"spoiled": False, "pi": True, "environment": 0, "json": [1]}, found


def test_what_a_run_changes_in_node_ends_with_it(sidecar: Sidecar) -> None:
    for _ in range(ROUNDS):
        sidecar.run(JAVASCRIPT_SPOILER, language="javascript")
        found = sidecar.run(JAVASCRIPT_PROBE, language="javascript")
        assert found["outputs"] == {"spoiled": False, "map": [2], "names": [], "read": "function", "parsed": [1]}, found


@pytest.mark.parametrize(
    ("language", "profile", "code"),
    [
        ("python3", "base", PYTHON_CHANCE),
        ("javascript", "base", JAVASCRIPT_CHANCE),
        ("python3", "data", NUMPY_CHANCE),
    ],
    ids=["python", "javascript", "numpy"],
)
def test_no_two_runs_draw_the_same_numbers(sidecar: Sidecar, language: str, profile: str, code: str) -> None:
    request = {"language": language, "profile": profile, "code": code, "limits": {"wall_s": 20}}
    answer = sidecar.try_run(**request)
    if profile == "data" and answer.code == 400 and answer.body["error"]["code"] == "profile_unavailable":
        pytest.skip("numpy is not installed for this interpreter")
    drawn = [sidecar.run_when_up(**request)["outputs"]["chance"] for _ in range(ROUNDS)]
    for values in zip(*drawn, strict=True):
        assert len(set(values)) == ROUNDS, values


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into these processes")
def test_the_key_is_in_no_process_but_the_supervisor(root_sidecar: Sidecar) -> None:
    """Read from outside, as root, what a run might read from inside."""
    assert answers_at_once(root_sidecar)
    assert root_sidecar.key.encode() in memory_of(root_sidecar.pid)
    looked_into = 0
    for process in root_sidecar.descendants():
        try:
            memory, environment = memory_of(process.pid), Path(f"/proc/{process.pid}/environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # a spare that was used meanwhile
            continue
        assert root_sidecar.key.encode() not in memory, process
        assert b"SKEPKEY" not in environment
        looked_into += 1
    assert looked_into >= 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_not_even_the_sidecars_own_user_may_look_into_what_holds_the_key(user_sidecar: Sidecar) -> None:
    for name in ("mem", "environ", "maps"):
        command = ["/usr/bin/head", "-c1", f"/proc/{user_sidecar.pid}/{name}"]
        peek = subprocess.run(command, capture_output=True, user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=[])
        assert peek.returncode != 0, name
        assert not peek.stdout


def memory_of(pid: int) -> bytes:
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match and "[vvar" not in line:
                start, end = (int(part, 16) for part in match.groups())
                if end - start > 256 << 20:
                    continue
                memory.seek(start)
                try:
                    parts.append(memory.read(end - start))
                except OSError:
                    continue
    return b"".join(parts)
