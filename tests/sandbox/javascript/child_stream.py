"""Speaks the child's stream to a runner started under plain Node.js: what the runner does, apart from its walls."""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.sandbox.sidecar.zygote.node_child import arguments, environment

RUNNER = Path(__file__).parents[3] / "apps/sandbox/sidecar/javascript/runner.js"


@dataclass(slots=True, kw_only=True)
class Answer:
    """Everything that one run sent back."""

    stdout: str = ""
    stderr: str = ""
    result: dict[str, Any] | None = None
    frames: list[tuple[str, bytes]] = field(default_factory=list)
    status: int = 0

    @property
    def outputs(self) -> dict[str, Any]:
        """Give the outputs of a run that ended well."""
        assert self.result is not None, self
        assert self.result["ok"], self.result
        outputs: dict[str, Any] = self.result["outputs"]
        return outputs

    @property
    def error(self) -> dict[str, Any]:
        """Give the error of a run that did not."""
        assert self.result is not None, self
        assert not self.result["ok"], self.result
        error: dict[str, Any] = self.result["error"]
        return error


class Runner:
    """One warmed runner, good for one request."""

    def __init__(self, *, node: str, memory_mb: int = 256) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(20)
        null = os.open("/dev/null", os.O_RDWR)
        self.pid = os.posix_spawn(
            node,
            arguments(node=node, runner=str(RUNNER), memory_mb=memory_mb),
            environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
            ],
        )
        os.close(null)
        theirs.close()
        kind, body = self._frame()
        assert (kind, body) == ("S", b""), (kind, body)

    def run(self, code: str, *, inputs: dict[str, Any] | None = None, mode: str = "function") -> Answer:
        """Send the one request and follow the stream to its end."""
        request = {"mode": mode, "code": code, "inputs": inputs or {}, "timeout_s": 10.0}
        body = json.dumps(request).encode()
        self.socket.sendall(struct.pack("<I", len(body)) + body)
        answer = Answer()
        while True:
            kind, body = self._frame()
            if not kind:
                break
            answer.frames.append((kind, body))
            if kind == "R":
                answer.result = json.loads(body)
                break
        answer.stdout, answer.stderr = (
            b"".join(body for kind, body in answer.frames if kind == wanted).decode() for wanted in "OE"
        )
        answer.status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        self.socket.close()
        return answer

    def close(self) -> None:
        """Let go of a runner that was never asked anything."""
        self.socket.close()
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _frame(self) -> tuple[str, bytes]:
        header = self._exactly(5)
        if not header:
            return "", b""
        return chr(header[0]), self._exactly(int.from_bytes(header[1:], "little"))

    def _exactly(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            chunk = self.socket.recv(min(65536, count - len(received)))
            if not chunk:
                break
            received += chunk
        return bytes(received)
