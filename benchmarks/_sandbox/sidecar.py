"""Starts sidecars to measure, as an operator would, and speaks HTTP keep-alive to them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: The interpreter below any virtualenv: zygotes run it, and so do the cold peers.
PYTHON: str = getattr(sys, "_base_executable", sys.executable)
READY_S = 60.0
IDLE_S = 5.0
TRIVIAL_PYTHON = "def main(a):\n    return {'b': a + 1}\n"
TRIVIAL_JAVASCRIPT = "function main({ a }) {\n  return { b: a + 1 };\n}\n"


class Client:
    """One connection; a request is bytes that were made before the clock started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connect()

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and the body of its answer."""
        if time.monotonic() - self._used > IDLE_S:  # the sidecar ends connections that idle
            self.close()
            self._connect()
        self._socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._receive()
        self._used = time.monotonic()
        return int(head[9:12]), body

    def run(self, request: bytes) -> dict[str, Any]:
        """Send a run; refuse every end but a good one."""
        status, body = self.exchange(request)
        result: dict[str, Any] = json.loads(body)
        if status != 200 or result["status"] != "ok":
            raise RuntimeError(f"a run ended as {status} {result}")
        return result

    def timed_run(self, request: bytes) -> float:
        """Milliseconds of one run, from the first byte sent to the last one received."""
        began = time.perf_counter()
        status, body = self.exchange(request)
        elapsed = (time.perf_counter() - began) * 1000
        if status != 200 or b'"status": "ok"' not in body[:20]:
            raise RuntimeError(f"a run ended as {status} {body[:500]!r}")
        return elapsed

    def health(self) -> dict[str, Any]:
        """What the sidecar says of itself."""
        report: dict[str, Any] = json.loads(self.exchange(b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n")[1])
        return report

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(self._path))
        self._used = time.monotonic()

    def _receive(self) -> bytes:
        piece = self._socket.recv(1 << 16)
        if not piece:
            raise RuntimeError("the sidecar closed the connection")
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """One running sidecar."""

    path: Path
    pid: int
    client: Client

    def wait_for_spares(self, profile: str, *, least: int) -> None:
        """Wait until that many warm children of a profile stand ready."""
        deadline = time.monotonic() + READY_S
        while self.client.health()["profiles"][profile]["spares"] < least:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the pool of {profile} does not refill")
            time.sleep(0.005)


def run_request(code: str, *, inputs: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """The bytes of `POST /v1/run`."""
    body = json.dumps({"code": code, "inputs": {"a": 1} if inputs is None else inputs, **fields}).encode()
    head = f"POST /v1/run HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def sidecar(*arguments: str) -> Iterator[Sidecar]:
    """A sidecar on a unix socket of its own, without a key: it knows its own user."""
    folder = Path(tempfile.mkdtemp(prefix="skep-bench-"))
    path = folder / "s.sock"
    command = [sys.executable, "-m", "apps.sandbox.sidecar", "--listen", f"unix:{path}", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        if not process.stdout.readline().startswith(b"sandbox ready"):
            raise SystemExit(f"the sidecar did not start: {' '.join(command)}")
        client = Client(path)
        try:
            yield Sidecar(path=path, pid=process.pid, client=client)
        finally:
            client.close()
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
