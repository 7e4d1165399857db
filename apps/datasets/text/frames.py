"""Owns the messages between a reading child and its parent: a length, then one line of JSON.

The child has parsed an untrusted file, so the parent checks what it is told.
"""

import json
import struct
from typing import Any, BinaryIO

from apps.datasets.text.errors import ERRORS, Damaged, ExtractionError
from apps.datasets.text.sections import Section

MAX_FRAME_BYTES = 8 << 20
HEADER = struct.Struct(">I")

Message = dict[str, Any]


class FrameError(ValueError):
    """The other side does not speak this protocol."""


def write_message(stream: BinaryIO, message: Message) -> None:
    """Send one message and make sure that it left."""
    line = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
    stream.write(HEADER.pack(len(line)) + line)
    stream.flush()


class FrameBuffer:
    """Collects bytes as they arrive and gives out whole messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in what a read returned."""
        self._bytes += data

    def next(self) -> Message | None:
        """The next whole message, or None until more has arrived."""
        if len(self._bytes) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._bytes)
        if length > MAX_FRAME_BYTES:
            raise FrameError("a message is longer than any section can be")
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        line = bytes(self._bytes[HEADER.size : end])
        del self._bytes[:end]
        try:
            message = json.loads(line)
        except ValueError as exc:
            raise FrameError("a message is not JSON") from exc
        if not isinstance(message, dict):
            raise FrameError("a message is not an object")
        return message


def pack_section(section: Section) -> Message:
    """The message that carries a section."""
    return {
        "type": "section",
        "text": section.text,
        "page": section.page,
        "heading_path": list(section.heading_path),
        "unreadable": section.unreadable,
    }


def unpack_section(message: Message) -> Section:
    """The section that a message carries."""
    text, path = message.get("text"), message.get("heading_path")
    if not isinstance(text, str) or not isinstance(path, list):
        raise FrameError("a section is incomplete")
    return Section(
        text=text,
        page=whole_number(message, "page"),
        heading_path=tuple(str(name) for name in path),
        unreadable=message.get("unreadable") is True,
    )


def whole_number(message: Message, name: str) -> int | None:
    """A number that a message may carry under a name."""
    value = message.get(name)
    if value is not None and type(value) is not int:
        raise FrameError(f"{name} is not a number")
    return value


def pack_error(error: ExtractionError) -> Message:
    """The message that carries an error to be raised again on the other side."""
    return {"type": "error", "code": error.code, "params": error.params}


def unpack_error(message: Message) -> ExtractionError:
    """The error that a message carries, of its own class again."""
    params = message.get("params")
    error = ERRORS.get(str(message.get("code")))
    if error is None or not isinstance(params, dict):
        return Damaged(kind="document", reason="its reader failed")
    try:
        return error(**params)
    except KeyError:
        return Damaged(kind="document", reason="its reader failed")
