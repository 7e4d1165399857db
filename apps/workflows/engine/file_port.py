"""What nodes need of files: their bytes, their text, and a place for new ones.

A file is a value like any other: an object whose `kind` is `file`, with its name, type and size. The bytes stay where
they are until a node asks for them, and whoever keeps them checks that the run's team may have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

KIND: Final = "file"
FileValue = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """The bytes of a file, with what has to be said about them."""

    name: str
    mime_type: str
    content: bytes


class FilePort(Protocol):
    """The files of the run's team. Raises NodeFailure: file_not_found, file_too_large, file_unreadable ..."""

    async def read(self, file: FileValue) -> FileContent:
        """The bytes of a file."""
        ...

    async def text(self, file: FileValue) -> str:
        """The text in a document."""
        ...

    async def save(self, content: FileContent) -> dict[str, Any]:
        """Keep a new file; returns its value."""
        ...


def is_file(value: object) -> bool:
    """Whether a value is a file."""
    return isinstance(value, Mapping) and value.get("kind") == KIND


def files_in(value: object) -> list[FileValue] | None:
    """A file, or a list of them, as a list; None for anything else."""
    if isinstance(value, Mapping) and is_file(value):
        return [value]
    if isinstance(value, (list, tuple)) and all(map(is_file, value)):
        return list(value)
    return None
