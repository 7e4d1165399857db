"""The byte stream between the supervisor and one child: how its frames are packed and taken apart.

Child to supervisor: a type byte, a little-endian u32 length, the body. Supervisor to child: a u32 length and the
JSON of the request. User code owns the child's descriptor and can write what it likes there, so the reader checks
the type and the length before it keeps a single byte of a body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

CHILD_FD = 3
"""Where a child finds its end of the stream."""

READY = b"S"
"""Isolated and warm, waiting for its request; empty body, always the first frame of a good child."""
FAULT = b"F"
"""Instead of READY, when a layer could not be put up: the reason as text. No user code has run."""
STDOUT = b"O"
STDERR = b"E"
RESULT = b"R"
"""The answer as JSON. It ends the run: whatever follows breaks the protocol."""

LARGEST_REQUEST = 16 * 1024 * 1024
"""Bytes of a request that a child agrees to read; the HTTP server refuses much smaller ones."""

_HEADER = struct.Struct("<cI")
_LENGTH = struct.Struct("<I")


class FrameViolation(Exception):
    """The stream holds something that is no frame, or a frame longer than allowed."""


def pack(kind: bytes, body: bytes = b"") -> bytes:
    """One frame as bytes."""
    return _HEADER.pack(kind, len(body)) + body


def pack_request(body: bytes) -> bytes:
    """A request as the child reads it."""
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Takes a child's stream apart as it arrives. `largest` gives the allowed frame types and their longest bodies."""

    def __init__(self, largest: Mapping[bytes, int]) -> None:
        self._largest = dict(largest)
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Add bytes; yield each frame that is now complete. Raises FrameViolation as soon as a header is wrong."""
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._pending)
            longest = self._largest.get(kind)
            if longest is None:
                raise FrameViolation(f"no such frame type: {kind!r}")
            if length > longest:
                raise FrameViolation(f"a frame {kind!r} of {length} bytes, {longest} allowed")
            end = _HEADER.size + length
            if len(self._pending) < end:
                return
            body = bytes(self._pending[_HEADER.size : end])
            del self._pending[:end]
            yield kind, body

    @property
    def empty(self) -> bool:
        """Whether the stream stands at the end of a frame."""
        return not self._pending
