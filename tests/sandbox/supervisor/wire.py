"""Raw HTTP over a sidecar's socket: what clients should not send can only be sent by hand."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.sandbox.sidecar_process import Sidecar


@dataclass(slots=True)
class Reply:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass(slots=True)
class Wire:
    """A connection to a sidecar."""

    sidecar: Sidecar
    timeout: float = 20.0
    socket: socket.socket = field(init=False)
    _pending: bytes = b""

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(self.timeout)
        self.socket.connect(str(self.sidecar.socket))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(
        self, method: str, path: str, body: bytes = b"", *, key: str | None = None, extra: str = "", length: bool = True
    ) -> bytes:
        """A request as bytes."""
        head = f"{method} {path} HTTP/1.1\r\nHost: sandbox\r\nX-Api-Key: {key or self.sidecar.key}\r\n{extra}"
        if length and (body or method == "POST"):
            head += f"Content-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def run(self, code: str, **fields: Any) -> bytes:
        """A request for a run as bytes."""
        return self.request("POST", "/v1/run", json.dumps({"code": code, **fields}).encode())

    def reply(self, *, to_head: bool = False) -> Reply:
        """The next response."""
        while b"\r\n\r\n" not in self._pending:
            self._more()
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
        length = 0 if to_head else int(headers.get("content-length", 0))
        while len(self._pending) < length:
            self._more()
        body, self._pending = self._pending[:length], self._pending[length:]
        return Reply(int(line.split(" ")[1]), headers, body)

    def closed(self) -> bool:
        """Whether the other end closes without another byte."""
        try:
            return not self._pending and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self) -> None:
        data = self.socket.recv(1 << 20)
        assert data, "the sidecar hung up"
        self._pending += data


def wait_until(condition: Any, *, within: float = 15.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
