"""The body of a webhook's request, taken apart by its content type and within limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from apps.workflows.nodes.trigger_webhook import BINARY, FORM, JSON, MULTIPART, PLAIN
from support.errors import InvalidInput, TooLarge

#: What a body without files may have; files have the limit of uploads.
MOST_BYTES: Final = 1_000_000
_PIECE: Final = 256 * 1024
NO_BODY: Final = frozenset({"GET", "HEAD"})


@dataclass(slots=True, kw_only=True)
class Body:
    """A body taken apart. `content` is what people are shown of it; a single value has no name."""

    content: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_form: bool = False
    is_single: bool = False

    def get(self, name: str, kind: str) -> Any:
        """What the body has under a name; of a form, all values where a list is wanted."""
        if self.is_single:
            return self.fields.get("")
        values = self.fields.get(name)
        return values[0] if self.is_form and isinstance(values, list) and len(values) == 1 else values


def read_body(request: HttpRequest, content_type: str) -> Body:
    """Raises InvalidInput, TooLarge. Reads no more than the limits, whatever the header claims."""
    if request.method in NO_BODY:
        return Body()
    if content_type == MULTIPART:
        return _multipart(request)
    if content_type == BINARY:
        return _binary(request)
    raw = request.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TooLarge(f"The body is larger than {MOST_BYTES:,} bytes.")
    if content_type == JSON:
        return _json(raw)
    text = _text(raw, request.encoding)
    if content_type == PLAIN:
        return Body(content=text, fields={"": text}, is_form=True, is_single=True)
    assert content_type == FORM
    return _form(raw)


def _json(raw: bytes) -> Body:
    try:
        content = orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError as exc:
        raise _wrong(f"The body is not valid JSON: {exc}.") from exc
    return Body(content=content, fields=content if isinstance(content, dict) else {})


def _form(raw: bytes) -> Body:
    try:
        form = QueryDict(raw, encoding="utf-8")
    except (TooManyFieldsSent, UnicodeDecodeError) as exc:
        raise _wrong("The form cannot be read, or has too many fields.") from exc
    return _fields(form, MultiValueDict())


def _multipart(request: HttpRequest) -> Body:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_REQUEST_BYTES:
        raise TooLarge(f"The body is larger than {settings.MAX_REQUEST_BYTES:,} bytes.")
    try:
        form, files = MultiPartParser(request.META, request, request.upload_handlers, "utf-8").parse()
    except RequestDataTooBig as exc:
        raise TooLarge("The fields of the form are too large.") from exc
    except (MultiPartParserError, TooManyFieldsSent, TooManyFilesSent, UnreadablePostError) as exc:
        raise _wrong("The form cannot be read, or has too many fields.") from exc
    return _fields(form, files)


def _fields(form: QueryDict, files: MultiValueDict[str, UploadedFile[Any]]) -> Body:
    fields: dict[str, list[Any]] = {name: list(values) for name, values in form.lists()}
    fields |= {name: list(values) for name, values in files.lists()}
    shown = {name: values[0] if len(values) == 1 else values for name, values in form.lists()}
    named = {name: [file.name for file in given] for name, given in files.lists()}
    return Body(content={**shown, **named}, fields=fields, is_form=True)


def _binary(request: HttpRequest) -> Body:
    """The body as one file, which never is in memory as a whole."""
    held = SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - whoever keeps the file closes it
    size = 0
    while piece := request.read(_PIECE):
        size += len(piece)
        if size > settings.MAX_UPLOAD_BYTES:
            held.close()
            raise TooLarge(f"The body is larger than {settings.MAX_UPLOAD_BYTES:,} bytes.")
        held.write(piece)
    if not size:
        held.close()
        return Body(is_single=True)
    held.seek(0)
    name = request.headers.get("X-Filename") or "body.bin"
    file = UploadedFile(file=held, name=name, content_type=BINARY, size=size)
    return Body(fields={"": file}, is_single=True)


def _text(raw: bytes, encoding: str | None) -> str:
    try:
        return raw.decode(encoding or "utf-8")
    except (UnicodeError, LookupError) as exc:
        raise _wrong("The body is not text in the encoding that it claims.") from exc


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"path": "/body", "code": "unreadable", "message": message}])


def content_hash(file: UploadedFile[Any]) -> str:
    """The SHA-256 of an upload, which is left at its beginning."""
    found = hashlib.sha256()
    for piece in file.chunks(_PIECE):
        found.update(piece)
    file.seek(0)
    return found.hexdigest()
