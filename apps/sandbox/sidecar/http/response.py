"""Writes HTTP responses: JSON bodies with a length, and errors of one constant shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from apps.sandbox.sidecar.errors import RequestRefused

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What goes back over the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False

    def to_bytes(self, *, keep_alive: bool, with_body: bool = True) -> bytes:
        """Write status line, headers and body. HEAD gets the same head and no body."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        if self.body or self.status != HTTPStatus.NO_CONTENT:
            extra += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        if not keep_alive or self.closes:
            extra += "Connection: close\r\n"
        head = f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n{extra}\r\n".encode("latin-1")
        return head + self.body if with_body else head


_REASONS: Final = {int(status): status.phrase for status in HTTPStatus}


def json_response(value: object, *, status: int = 200) -> Response:
    """Answer with a JSON value."""
    return Response(status=status, body=json.dumps(value).encode())


def refusal(error: RequestRefused) -> Response:
    """Answer with an error of the constant shape."""
    fields = {"code": error.code, "message": error.message}
    if error.path is not None:
        fields["path"] = error.path
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    body = json.dumps({"error": fields}).encode()
    return Response(status=error.status, body=body, headers=headers, closes=error.closes)
