"""The engine's file port over the team's files and the guarded way out."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final
from uuid import UUID

from apps.datasets.text.child import extract_in_child
from apps.datasets.text.errors import EmptyDocument, ExtractionError
from apps.datasets.text.extract.kinds import EXTENSIONS, extension_of_type
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import page_texts
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.file_port import FileContent, FileValue
from apps.workflows.engine.http_port import HttpPort, HttpRequest, HttpTimeouts
from apps.workflows.selectors.files import path_of, team_file
from support.database import in_thread
from support.errors import ConsoleError

#: A node holds a file in memory, so it may not be of any size.
MAX_READ_BYTES: Final = 50 * 1024 * 1024
MAX_TEXT_CHARS: Final = 5_000_000
_HEAD_BYTES: Final = 4_096
_LIMITS = Limits(wall_seconds=120.0, max_chars=MAX_TEXT_CHARS)
_FETCH = HttpTimeouts(connect=10, read=60, write=10)
Keep = Callable[[FileContent], Awaitable[dict[str, Any]]]


class TeamFiles:
    """Reads files of one team and of the web; `keep` stores what the run makes."""

    def __init__(self, team_id: UUID, *, http: HttpPort, keep: Keep) -> None:
        self._team_id = team_id
        self._http = http
        self._keep = keep

    async def read(self, file: FileValue) -> FileContent:
        """The bytes of a file. Raises NodeFailure."""
        if file.get("transfer_method") == "remote_url":
            return await self._fetch(file)
        path = await self._path(file)
        if path.stat().st_size > MAX_READ_BYTES:
            raise _too_large(file)
        content = await asyncio.to_thread(path.read_bytes)
        return FileContent(name=str(file["name"]), mime_type=str(file.get("mime_type") or ""), content=content)

    async def text(self, file: FileValue) -> str:
        """The text in a document. Raises NodeFailure."""
        if file.get("transfer_method") != "remote_url":
            return await asyncio.to_thread(_text_of, await self._path(file), str(file["name"]))
        fetched = await self._fetch(file)
        return await asyncio.to_thread(_text_of_bytes, fetched)

    async def save(self, content: FileContent) -> dict[str, Any]:
        """Keep a new file; returns its value. Raises NodeFailure."""
        try:
            return await self._keep(content)
        except ConsoleError as exc:
            raise NodeFailure(exc.code, exc.message, details=exc.details) from exc
        except OSError as exc:
            raise NodeFailure("unavailable", "The file cannot be stored.", retryable=True) from exc

    async def _path(self, file: FileValue) -> Path:
        try:
            found = await in_thread(team_file, file.get("id"), team_id=self._team_id)
        except ConsoleError as exc:
            raise NodeFailure(exc.code, exc.message, details=exc.details) from exc
        path = path_of(found)
        if not path.is_file():
            raise NodeFailure("file_not_found", f"The bytes of {found.name} are not here any more.")
        return path

    async def _fetch(self, file: FileValue) -> FileContent:
        request = HttpRequest(method="GET", url=str(file.get("url")), timeouts=_FETCH, max_bytes=MAX_READ_BYTES)
        response = await self._http.send(request)
        if response.status != 200:
            message = f"{file.get('name')} cannot be fetched: the server answers {response.status}."
            raise NodeFailure("file_not_found", message, retryable=response.status >= 500)
        mime_type = response.header("content-type").partition(";")[0].strip() or str(file.get("mime_type") or "")
        return FileContent(name=str(file.get("name") or "file"), mime_type=mime_type, content=response.content)


def _text_of(path: Path, name: str) -> str:
    """Read in a process of its own: nobody knows what is in the file."""
    try:
        pages = list(page_texts(extract_in_child(path, _readable_name(path, name), limits=_LIMITS)))
    except EmptyDocument:
        return ""
    except ExtractionError as exc:
        raise NodeFailure("file_unreadable", f"{name}: {exc}", details={"reason": exc.code}) from exc
    return "\n\n".join(page.text for page in pages)


def _readable_name(path: Path, name: str) -> str:
    """A text of a kind that is not known by its name (source code, subtitles) is read as plain text."""
    if PurePosixPath(name).suffix.lower() in EXTENSIONS:
        return name
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return f"{name}.txt" if _is_text(head) else name


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in head and not head.startswith((b"%PDF-", b"PK", b"<!DOCTYPE", b"<html", b"{\\rtf"))


def _text_of_bytes(file: FileContent) -> str:
    with _temporary(file.content) as path:
        return _text_of(path, _name_with_type(file))


@contextlib.contextmanager
def _temporary(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="run-file-") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _name_with_type(file: FileContent) -> str:
    """A page's name has no extension; its type says how to read it."""
    named = PurePosixPath(file.name).suffix.lower()
    extension = extension_of_type(file.mime_type, named=named)
    if extension is None or extension == ".txt" or EXTENSIONS.get(named) == EXTENSIONS[extension]:
        return file.name
    return f"{file.name}{extension}"


def _too_large(file: FileValue) -> NodeFailure:
    message = f"{file.get('name')} is larger than {MAX_READ_BYTES // (1024 * 1024)} MB, which is what a node may read."
    return NodeFailure("file_too_large", message)
