"""Reads HTTP/1.1 requests from bytes: Content-Length bodies only, everything bounded, nothing guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from apps.sandbox.sidecar.errors import BrokenRequest, LengthRequired, TooLarge

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 64
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,4096}) HTTP/1\.([01])\Z")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
_LENGTH = re.compile(r"[0-9]{1,15}\Z")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The request line and headers; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    length: int
    keep_alive: bool
    expects_continue: bool


class RequestParser:
    """Takes bytes in; gives one head, then its body, then the next head. Keeps what is pipelined behind."""

    def __init__(self, *, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._searched = 0

    @property
    def buffered(self) -> int:
        """How many bytes wait to be read."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._buffer += data

    def head(self) -> Head | None:
        """Read the next head if it is complete; raises RequestRefused if it never can be."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # tolerated before a request line, as RFC 9112 asks
            del buffer[:2]
            self._searched = 0
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            if self._searched > MAX_HEAD_BYTES:
                raise TooLarge(f"the head may be {MAX_HEAD_BYTES} bytes at most")
            return None
        if end > MAX_HEAD_BYTES:
            raise TooLarge(f"the head may be {MAX_HEAD_BYTES} bytes at most")
        lines = bytes(buffer[:end]).split(b"\r\n")
        del buffer[: end + 4]
        self._searched = 0
        return self._read(lines)

    def body(self, length: int) -> bytes | None:
        """Take the body if all of it is here."""
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read(self, lines: list[bytes]) -> Head:
        line = _LINE.match(lines[0])
        if line is None:
            raise BrokenRequest("this is not an HTTP/1.1 request")
        headers = _headers(lines[1:])
        method = line[1].decode()
        minor = line[3]
        if minor == b"1" and "host" not in headers:
            raise BrokenRequest("the header Host is missing")
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if minor == b"1" else "keep-alive" in connection
        return Head(
            method=method,
            path=line[2].decode().partition("?")[0],
            headers=headers,
            length=self._length(method, headers),
            keep_alive=keep_alive,
            expects_continue=headers.get("expect", "").lower() == "100-continue",
        )

    def _length(self, method: str, headers: dict[str, str]) -> int:
        written = headers.get("content-length")
        if "transfer-encoding" in headers:
            if written is not None:
                raise BrokenRequest("Content-Length and Transfer-Encoding contradict each other")
            raise LengthRequired("send the body with Content-Length")
        if written is None:
            if method in _WITH_BODY:
                raise LengthRequired("send the body with Content-Length")
            return 0
        if not _LENGTH.match(written):
            raise BrokenRequest("Content-Length is not a number")
        if int(written) > self._max_body_bytes:
            raise TooLarge(f"the body may be {self._max_body_bytes} bytes at most")
        return int(written)


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise TooLarge(f"a request may have {MAX_HEADERS} headers at most")
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            raise BrokenRequest("a header cannot be read")
        name = match[1].decode().lower()
        if name in headers and name in {"content-length", "host", "x-api-key", "authorization", "transfer-encoding"}:
            raise BrokenRequest("a header is there twice")
        headers[name] = match[2].decode("latin-1").strip(" \t")
    return headers
