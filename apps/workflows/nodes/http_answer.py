"""Turns an answer into outputs: text, data or a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.engine.node import NodeContext

MAX_TEXT_BYTES: Final = 1024 * 1024
MAX_FILE_BYTES: Final = 10 * 1024 * 1024
_TEXT: Final = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form")
_TEXT_ENDS: Final = ("+json", "+xml", "json", "xml", "yaml", "javascript", "graphql", "x-sh", "sql", "csv")
_FILE: Final = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip", "application/octet-stream")
_NAME = re.compile(r"""filename\*?\s*=\s*(?:UTF-8'[^']*')?"?([^";]+)"?""", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


async def outputs_of(response: HttpResponse, context: NodeContext) -> dict[str, Any]:
    """What the node gives for an answer. Raises NodeFailure where it is too large."""
    outputs: dict[str, Any] = {
        "status": response.status,
        "headers": _headers(response),
        "body": "",
        "json": None,
        "files": [],
    }
    if not response.content:
        return outputs
    if is_file(response):
        return {**outputs, "files": [await context.ports.files.save(_file(response))]}
    if len(response.content) > MAX_TEXT_BYTES:
        message = f"The answer is {len(response.content):,} bytes of text; {MAX_TEXT_BYTES:,} are taken at most."
        raise NodeFailure("http_too_large", message, details={"limit": MAX_TEXT_BYTES})
    # A text with a NUL can be stored nowhere.
    text = response.content.decode(response.charset, errors="replace").removeprefix("\ufeff").replace("\x00", "")
    return {**outputs, "body": text, "json": _json(text)}


def is_file(response: HttpResponse) -> bool:
    """Whether an answer is a file rather than a text: as it says itself, else by its first bytes."""
    if response.header("content-disposition").lstrip().lower().startswith("attachment"):
        return True
    mime_type = _mime_type(response)
    if mime_type.startswith(_TEXT) or mime_type.endswith(_TEXT_ENDS):
        return False
    if mime_type.startswith(_FILE):
        return True
    return _CONTROL.search(response.content[:1024]) is not None


def _mime_type(response: HttpResponse) -> str:
    return response.header("content-type").partition(";")[0].strip().lower()


def _file(response: HttpResponse) -> FileContent:
    named = _NAME.search(response.header("content-disposition"))
    path = urlsplit(response.url).path.rstrip("/").rpartition("/")[2]
    name = unquote(named[1]).strip() if named else unquote(path)
    return FileContent(name=name or "file", mime_type=_mime_type(response), content=response.content)


def _headers(response: HttpResponse) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
