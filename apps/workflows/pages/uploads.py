"""Files given on a page: the playground's start form, and that of the public chat page."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from apps.workflows.models import Application, Run
from apps.workflows.pages.access import member_page
from apps.workflows.selectors.applications import public_application
from apps.workflows.selectors.files import file_value
from apps.workflows.selectors.visitors import visitor_id
from apps.workflows.services.files import receive_file
from support.api import error_response
from support.errors import ConsoleError, InvalidInput, NotAllowed, TooLarge

#: What somebody whom nobody knows may upload at once.
PUBLIC_BYTES: Final = 15 * 1024 * 1024


@require_POST
@member_page("run")
def upload(request: HttpRequest, application: Application) -> HttpResponse:
    """A member's file, for runs in the playground."""
    try:
        return _received(
            request, application, source=Run.Source.CONSOLE, end_user=request.user.get_username(), most=None
        )
    except ConsoleError as exc:
        return error_response(exc)


@require_POST
def upload_publicly(request: HttpRequest, slug: str) -> HttpResponse:
    """A visitor's file, for a public chat whose form asks for one."""
    try:
        application, visitor = public_application(slug), visitor_id(request)
        if not visitor or not _asks_for_files(application):
            raise NotAllowed("This chat takes no files.")
        return _received(request, application, source=Run.Source.PUBLIC, end_user=visitor, most=PUBLIC_BYTES)
    except ConsoleError as exc:
        return error_response(exc)


def _asks_for_files(application: Application) -> bool:
    document = application.live.document if application.live else {}
    return any(declared["type"] in ("file", "files") for declared in document.get("inputs") or ())


def _received(
    request: HttpRequest, application: Application, *, source: str, end_user: str, most: int | None
) -> JsonResponse:
    given = request.FILES.get("file")
    if given is None:
        raise InvalidInput("Send the file as the form field `file`.", path="/file")
    if most is not None and (given.size or 0) > most:
        raise TooLarge(f"The file is over the limit of {most // (1024 * 1024)} MB.")
    file = receive_file(
        given.chunks(),
        application=application,
        source=source,
        end_user=end_user,
        name=given.name or "",
        declared_type=given.content_type or "",
    )
    return JsonResponse(file_value(file), status=201)
