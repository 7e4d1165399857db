"""Incremental parser of server-sent events (the WHATWG event stream format) over raw bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 8 * 1024 * 1024


class EventTooLarge(ValueError):
    """A line or an event grew past the limit: not an event stream, or not one to trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One dispatched event."""

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None


class SSEParser:
    """Feed it bytes as they arrive; it gives back the events that became complete.

    Lines are cut on bytes (CR, LF, CRLF) and decoded afterwards. So a split anywhere, also inside a character
    or between CR and LF, changes nothing, and U+2028 or U+0085 inside JSON do not end a line as they would
    with `str.splitlines`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._at_start = True
        self._skip_lf = False
        self._data: list[str] = []
        self._data_bytes = 0
        self._event = ""
        self._last_id = ""
        self._retry: int | None = None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take the next bytes in."""
        self._buffer += data
        if self._at_start:
            if len(self._buffer) < len(_BOM) and _BOM.startswith(self._buffer):
                return []
            if self._buffer.startswith(_BOM):
                del self._buffer[: len(_BOM)]
            self._at_start = False
        events = [event for line in self._complete_lines() if (event := self._take(line))]
        if len(self._buffer) > MAX_LINE_BYTES:
            raise EventTooLarge(f"a line of the event stream is longer than {MAX_LINE_BYTES} bytes")
        return events

    def _complete_lines(self) -> Iterator[bytes]:
        start = 0
        buffer = self._buffer
        if self._skip_lf and buffer:
            start = 1 if buffer[0] == 0x0A else 0
            self._skip_lf = False
        position = max(start, self._scanned)
        while (end := _next_break(buffer, position)) >= 0:
            yield bytes(buffer[start:end])
            start = position = end + 1
            if buffer[end] == 0x0D:
                if start < len(buffer):
                    start = position = start + (buffer[start] == 0x0A)
                else:
                    # The LF of a CRLF may still be on its way; the line is complete without it.
                    self._skip_lf = True
        del buffer[:start]
        self._scanned = len(buffer)

    def _take(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        name, _, raw = line.partition(b":")
        value = raw.removeprefix(b" ").decode("utf-8", "replace")
        match name:
            case b"data":
                self._data.append(value)
                self._data_bytes += len(raw)
                if self._data_bytes > MAX_LINE_BYTES:
                    raise EventTooLarge(f"an event is longer than {MAX_LINE_BYTES} bytes")
            case b"event":
                self._event = value
            case b"id" if "\0" not in value:
                self._last_id = value
            case b"retry" if value.isascii() and value.isdigit():
                self._retry = int(value)
            case _:
                pass  # a comment (empty name) or a field from the future
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, data, retry = self._event, self._data, self._retry
        self._event, self._data, self._data_bytes, self._retry = "", [], 0, None
        if not data:
            return None
        return ServerSentEvent(event=event or "message", data="\n".join(data), id=self._last_id, retry=retry)


def _next_break(buffer: bytearray, start: int) -> int:
    newline = buffer.find(b"\n", start)
    # Searching for CR only up to the LF keeps the whole scan linear.
    carriage = buffer.find(b"\r", start, newline if newline >= 0 else len(buffer))
    return carriage if carriage >= 0 else newline
