"""An HTTP service for workflows to call: it says what it was told, and remembers who ordered what."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Order:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Shop(http.server.ThreadingHTTPServer):
    """Answers every request with JSON that repeats it; paths that begin with /broken with status 500."""

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counter)
        self.orders: list[Order] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def in_thread(self) -> Iterator[Shop]:
        """Serve until the block ends."""
        with self:
            threading.Thread(target=self.serve_forever, daemon=True).start()
            yield self
            self.shutdown()


class _Counter(http.server.BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.orders.append(Order(self.command, self.path, headers, body))
        reply = json.dumps({"path": self.path, "body": body, "image_url": "https://cdn.example/card.png"}).encode()
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_args: Any) -> None:
        pass
