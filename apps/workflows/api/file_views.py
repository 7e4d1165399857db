"""Files over the service API: uploading one, and reading it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows.api.views import SOURCE, ServiceView, end_user_of
from apps.workflows.models import File
from apps.workflows.selectors.files import (
    LinkRefused,
    file_value,
    is_shown,
    link_to,
    opened_by_link,
    own_file,
    path_of,
    team_file,
)
from apps.workflows.services.files import receive_file
from support.api import error_response
from support.errors import ConsoleError, InvalidInput

PIECE_BYTES: Final = 256 * 1024


class NoFile(InvalidInput):
    """The form has no file."""

    code = "no_file_uploaded"


class TooManyFiles(InvalidInput):
    """The form has several files."""

    code = "too_many_files"


class UploadFile(ServiceView):
    """POST /v1/files/upload: one file, for the end user named in the form."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        uploads = request.FILES.getlist("file")
        if not uploads:
            raise NoFile("Send the file as the form field `file`.", path="/file")
        if len(uploads) > 1 or len(request.FILES) > 1:
            raise TooManyFiles("Send one file at a time.", path="/file")
        (upload,) = uploads
        file = receive_file(
            upload.chunks(),
            application=self.application(),
            source=SOURCE,
            end_user=_user_of(request),
            name=upload.name or "",
            declared_type=upload.content_type or "",
        )
        return Response(uploaded_body(file), status=201)


class FilePreview(ServiceView):
    """GET /v1/files/<file>/preview: the bytes of a file of the app, to its own end user where one is named."""

    def get(self, request: Request, file_id: str) -> StreamingHttpResponse:
        application, user = self.application(), end_user_of(request)
        if user:
            file = own_file(file_id, application=application, source=SOURCE, end_user=user)
        else:
            file = team_file(file_id, team_id=application.team_id)
            if file.application_id != application.id:
                raise LinkRefused("This file belongs to another app.")
        return _bytes_of(file, as_attachment=request.query_params.get("as_attachment") == "true")


def linked_file(request: HttpRequest, file_id: UUID, signature: str) -> HttpResponse | StreamingHttpResponse:
    """A file for whoever has a link to it: the link itself is the permission, and it ends soon."""
    try:
        return _bytes_of(opened_by_link(file_id, signature))
    except ConsoleError as exc:
        return error_response(exc)


def uploaded_body(file: File) -> dict[str, object]:
    """What an upload is answered with."""
    value = file_value(file)
    return {
        "id": value["id"],
        "name": file.name,
        "size": file.size,
        "extension": file.extension.removeprefix("."),
        "mime_type": file.mime_type,
        "created_by": None,
        "created_at": int(file.created_at.timestamp()),
        "preview_url": None,
        "source_url": link_to(file.id),
    }


def _bytes_of(file: File, *, as_attachment: bool = False) -> StreamingHttpResponse:
    path = path_of(file)
    if not path.is_file():
        raise LinkRefused(f"The bytes of {file.name} are not here any more.")
    response = StreamingHttpResponse(_pieces_of(path), content_type=file.mime_type)
    response["Content-Length"] = str(path.stat().st_size)
    shown = content_disposition_header(as_attachment or not is_shown(file), file.name)
    if shown:
        response["Content-Disposition"] = shown
    # Somebody else made this: nothing of it may run, and nobody may take it for another type.
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=300"
    return response


async def _pieces_of(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


def _user_of(request: Request) -> str:
    user = request.POST.get("user") or request.query_params.get("user") or ""
    if not isinstance(user, str) or len(user) > 200:
        raise InvalidInput("user must be a text of at most 200 characters.", path="/user")
    return user.replace("\x00", "")
