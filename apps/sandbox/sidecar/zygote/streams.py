"""The child's end of its stream: the request coming in, and stdout, stderr and the result going out as frames.

User code shares the process and may break these objects; then its own run goes wrong and nothing else does.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from typing import TYPE_CHECKING

from apps.sandbox.sidecar.zygote import frames

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

REPLACING = "skep.replace"
"""An encoding error handler: what UTF-8 cannot hold, lone surrogates, becomes U+FFFD."""

_LARGEST_CHUNK = 64 * 1024


class StreamEnded(Exception):
    """The supervisor closed the stream before a whole request was there."""


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        # Encoders take bytes from here as they are; a str would be encoded by the same codec again.
        return "\ufffd".encode() * (error.end - error.start), error.end
    raise error


codecs.register_error(REPLACING, _replace)

# Taken before user code can replace them.
_read, _write = os.read, os.write


class ChildStream:
    """Reads one request and writes frames. Threads of user code may print at the same time, hence the lock."""

    def __init__(self, fd: int = frames.CHILD_FD) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._closed = False

    def read_request(self) -> bytes:
        """Wait for the request and return its JSON."""
        length = int.from_bytes(self._read_exactly(4), "little")
        if length > frames.LARGEST_REQUEST:
            raise StreamEnded
        return self._read_exactly(length)

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Write one frame; after the result, nothing more."""
        with self._lock:
            if self._closed:
                return
            self._closed = kind == frames.RESULT
            view = memoryview(frames.pack(kind, body))
            while view:
                view = view[_write(self._fd, view) :]

    def _read_exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = _read(self._fd, min(count - len(parts), _LARGEST_CHUNK))
            if not part:
                raise StreamEnded
            parts += part
        return bytes(parts)


class FrameWriter(io.RawIOBase):
    """A raw file whose every write becomes frames of one type."""

    def __init__(self, stream: ChildStream, kind: bytes) -> None:
        self._stream, self._kind = stream, kind

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Send it all, in frames of bounded length."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _LARGEST_CHUNK):
            self._stream.send(self._kind, bytes(view[start : start + _LARGEST_CHUNK]))
        return len(view)


class Console:
    """sys.stdin, sys.stdout and sys.stderr of the run: nothing to read, and every line sent as soon as it ends."""

    def __init__(self, stream: ChildStream) -> None:
        self.stdout = _text_file(stream, frames.STDOUT)
        self.stderr = _text_file(stream, frames.STDERR)

    def install(self) -> None:
        """Become the interpreter's console."""
        sys.stdin = sys.__stdin__ = io.StringIO()  # type: ignore[misc, assignment]
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self.stderr  # type: ignore[misc]

    def flush(self) -> None:
        """Send what has no end of line yet. Not an error if user code has closed or broken its console."""
        for each in (self.stdout, self.stderr):
            try:
                each.flush()
            except (ValueError, OSError, RuntimeError):
                continue


def _text_file(stream: ChildStream, kind: bytes) -> io.TextIOWrapper:
    buffered = io.BufferedWriter(FrameWriter(stream, kind))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors=REPLACING, newline="\n", line_buffering=True)
