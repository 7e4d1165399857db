"""The lines of the children on our terminal, and in one rotated file each."""

import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

MAX_BYTES = 5_000_000
LONGEST_LINE = 16_384
COLOURS = ("36", "32", "35", "34", "33", "96", "92")
FACT_MARK = b"\x1e"


class LogFile:
    """A file that is put aside when it has grown; one older file is kept."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file: BinaryIO = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append one line."""
        if self._file.tell() + len(line) > self._max_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(line + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(slots=True)
class LineSplitter:
    """Cut a stream of bytes into lines; a line without an end is cut when it grows too long."""

    rest: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> list[bytes]:
        """Take bytes in; return the lines that are complete."""
        self.rest += piece
        *lines, last = bytes(self.rest).split(b"\n")
        while len(last) > LONGEST_LINE:
            lines.append(last[:LONGEST_LINE])
            last = last[LONGEST_LINE:]
        self.rest = bytearray(last)
        return [line.rstrip(b"\r") for line in lines]

    def finish(self) -> list[bytes]:
        """The last line, if it had no end."""
        last, self.rest = bytes(self.rest), bytearray()
        return [last] if last else []


class Terminal:
    """Our own standard output; a reader that went away does not stop us."""

    def __init__(self, stream: TextIO | None = None, *, width: int = 9) -> None:
        self._stream = stream or sys.stdout
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors="replace")  # a terminal without UTF-8 must not cost us lines
        self._colour = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._width = width
        self._given: dict[str, str] = {}

    def line(self, name: str, text: str) -> None:
        """One line of a child, or of ours (`skep`), with its prefix."""
        prefix = f"{name:<{self._width}} | "
        if self._colour:
            colour = self._given.setdefault(name, COLOURS[len(self._given) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.block(prefix + text)

    def block(self, text: str) -> None:
        """Text as it stands."""
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the log files remain
            return
