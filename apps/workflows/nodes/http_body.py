"""Makes the body of a request: JSON, text, forms, and files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from apps.workflows.engine.errors import NodeFailure, WrongType
from apps.workflows.engine.file_port import FileContent, files_in
from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.variables import Reference
from apps.workflows.nodes.http_config import Body
from apps.workflows.nodes.json_text import render_json

MAX_BODY_BYTES: Final = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A body as it is sent, and as a run shows it."""

    content: bytes = b""
    content_type: str = ""
    shown: Any = None
    notes: dict[str, Any] = field(default_factory=dict)


async def write_body(body: Body, context: NodeContext) -> Written:
    """The body with its values in place. Raises NodeFailure."""
    match body.kind:
        case "json":
            text, repaired = render_json(body.text, context.values)
            notes = {"body_repaired": True} if repaired else {}
            return Written(content=text.encode(), content_type="application/json", shown=text, notes=notes)
        case "text":
            text = body.text.render(context.values)
            return Written(content=text.encode(), content_type="text/plain; charset=utf-8", shown=text)
        case "form":
            return _form(body, context)
        case "multipart":
            return await _multipart(body, context)
        case "binary":
            return await _binary(body, context)
    return Written()


def _form(body: Body, context: NodeContext) -> Written:
    pairs = [(each.name.render(context.values), each.value) for each in body.fields if each.value is not None]
    fields = [(name, value.render(context.values)) for name, value in pairs]
    content_type = "application/x-www-form-urlencoded"
    return Written(content=urlencode(fields).encode(), content_type=content_type, shown=_by_name(fields))


async def _multipart(body: Body, context: NodeContext) -> Written:
    boundary = f"skep-{secrets.token_hex(12)}"
    content = bytearray()
    fields: list[tuple[str, str]] = []
    for each in body.fields:
        name = each.name.render(context.values)
        if each.file is None:
            text = each.value.render(context.values) if each.value is not None else ""
            fields.append((name, text))
            content += _part(boundary, name, text.encode())
            continue
        for file in await _files(each.file, context):
            fields.append((name, file.name))
            content += _part(boundary, name, file.content, file=file)
        if len(content) > MAX_BODY_BYTES:
            raise NodeFailure("http_bad_body", f"The body is larger than {MAX_BODY_BYTES // (1024 * 1024)} MB.")
    content += f"--{boundary}--\r\n".encode()
    content_type = f"multipart/form-data; boundary={boundary}"
    return Written(content=bytes(content), content_type=content_type, shown=_by_name(fields))


async def _binary(body: Body, context: NodeContext) -> Written:
    if body.file is None:
        raise NodeFailure("http_bad_body", "The body is a file, but the node names none.")
    files = await _files(body.file, context)
    if len(files) != 1:
        raise NodeFailure("http_bad_body", f"The body is one file, but {body.file.path} holds {len(files)}.")
    (file,) = files
    return Written(
        content=file.content, content_type=file.mime_type or "application/octet-stream", shown={"file": file.name}
    )


async def _files(reference: Reference, context: NodeContext) -> list[FileContent]:
    value = context.values.get(reference)
    if value is None:
        return []
    files = files_in(value)
    if files is None:
        raise WrongType(field=reference.path, expected="a file or a list of files", got=type(value).__name__)
    return [await context.ports.files.read(file) for file in files]


def _part(boundary: str, name: str, content: bytes, *, file: FileContent | None = None) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if file is not None:
        head += f'; filename="{_quoted(file.name)}"\r\nContent-Type: {file.mime_type or "application/octet-stream"}'
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _by_name(fields: list[tuple[str, str]]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in fields:
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown
