"""Every status of the wire format can be reached, and the next run works."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from apps.sandbox.protocol import Status
from tests.sandbox.attacks.trivial import answers_at_once
from tests.sandbox.sidecar_process import Sidecar

RUNS: dict[str, dict[str, Any]] = {
    "ok": {"code": "def main(**_):\n    return {}"},
    "error": {"code": "def main(**_):\n    raise ValueError('x')"},
    "timeout": {"code": "def main(**_):\n    while True: pass", "limits": {"wall_s": 0.2}},
    "memory": {"code": "def main(**_):\n    bytearray(10 << 30)"},
    "output_limit": {"code": "def main(**_):\n    print('x' * 100)", "limits": {"output_bytes": 10}},
    "killed": {"code": "import os\ndef main(**_):\n    os.abort()"},
    "protocol": {"code": "import os, time\ndef main(**_):\n    os.write(3, b'Z' * 16)\n    time.sleep(1)"},
}
JS_RUNS: dict[str, dict[str, Any]] = {
    "ok": {"code": "function main() { return {}; }"},
    "error": {"code": "function main() { throw new Error('x'); }"},
    "timeout": {"code": "function main() { while (true); }", "limits": {"wall_s": 0.3}},
    "memory": {
        "code": "function main() { const a = []; while (true) a.push(new Array(1e5).fill(1)); }",
        "limits": {"wall_s": 20},
    },
    "output_limit": {
        "code": "function main() { console.log('x'.repeat(100)); return {}; }",
        "limits": {"output_bytes": 10},
    },
    "killed": {"code": "function main() { process.abort(); }"},
    "protocol": {
        "code": "function main() { require('fs').writeSync(3, 'Z'.repeat(16));"
        " return new Promise(() => setTimeout(() => {}, 999)); }"
    },
}


def test_every_status_is_listed() -> None:
    assert set(RUNS) == set(JS_RUNS) == {str(status) for status in Status}


@pytest.mark.parametrize("status", RUNS)
@pytest.mark.parametrize("language", ["python3", "javascript"])
def test_every_status_can_be_reached(sidecar: Sidecar, language: str, status: str) -> None:
    fields = (RUNS if language == "python3" else JS_RUNS)[status]
    result = sidecar.run(language=language, **fields)
    assert result["status"] == status, result
    assert (result["outputs"] is not None) == (status == "ok")
    assert (result["error"] is None) == (status == "ok")
    assert answers_at_once(sidecar, language=language)


def test_a_run_can_be_killed_by_its_id(sidecar: Sidecar) -> None:
    answers: list[Any] = []
    request = {"code": "def main(**_):\n    while True: pass", "run_id": "a-run:1", "limits": {"wall_s": 10}}
    thread = threading.Thread(target=lambda: answers.append(sidecar.run(**request)))
    thread.start()
    deadline = time.monotonic() + 5
    while (answer := sidecar.ask("DELETE", "/v1/runs/a-run:1")).code == 404 and time.monotonic() < deadline:
        time.sleep(0.01)
    thread.join(10)
    assert answer.code == 204
    assert (answers[0]["status"], answers[0]["error"]["type"]) == ("killed", "KilledByRequest")
    assert sidecar.ask("DELETE", "/v1/runs/a-run:1").code == 404
    assert answers_at_once(sidecar)
