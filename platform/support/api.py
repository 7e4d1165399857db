"""What HTTP interfaces share: errors leave as `{code, message, status}`, bodies come in as one JSON object."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from support.errors import ConsoleError, InvalidInput, TooLarge

logger = logging.getLogger(__name__)

#: Codes for what the framework itself refuses.
_CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "invalid_param",
    exceptions.ValidationError: "invalid_param",
    exceptions.NotAuthenticated: "unauthorized",
    exceptions.AuthenticationFailed: "unauthorized",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many_requests",
}


def error_body(code: str, message: str, status: int, **details: Any) -> dict[str, Any]:
    """The one shape of an error on the wire."""
    return {"code": code, "message": message, "status": status, **({"details": details} if details else {})}


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. Everything becomes a typed body; what nobody foresaw is logged and says nothing."""
    if isinstance(exc, ConsoleError):
        headers = {"Retry-After": "1"} if exc.http_status in {429, 503} else None
        return Response(exc.as_dict(), status=exc.http_status, headers=headers)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.APIException):
        code = next((code for kind, code in _CODES.items() if isinstance(exc, kind)), "bad_request")
        headers = {"WWW-Authenticate": "Bearer"} if exc.status_code == 401 else None
        return Response(error_body(code, _message(exc), exc.status_code), status=exc.status_code, headers=headers)
    logger.exception("unhandled error in %s", type(context.get("view")).__name__, exc_info=exc)
    return Response(error_body("internal_server_error", "Something went wrong on our side.", 500), status=500)


def error_response(exc: ConsoleError) -> JsonResponse:
    """The same body for views outside DRF."""
    return JsonResponse(exc.as_dict(), status=exc.http_status)


@csrf_exempt
def no_such_address(request: HttpRequest) -> JsonResponse:
    """For what an interface has no view for: its clients read JSON, not the console's page."""
    return JsonResponse(error_body("not_found", f"There is nothing at {request.path}.", 404), status=404)


def _message(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.ValidationError) and isinstance(exc.detail, dict):
        return "; ".join(f"{field}: {_first(reasons)}" for field, reasons in exc.detail.items())
    return _first(exc.detail)


def _first(detail: Any) -> str:
    while isinstance(detail, (list, dict)) and detail:
        detail = detail[0] if isinstance(detail, list) else next(iter(detail.values()))
    return str(detail)


class JsonObjectParser(BaseParser):
    """A JSON object of limited size; whatever else is sent gets a clear error."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises TooLarge, InvalidInput. Reads no more than the limit, whatever the header claims."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge(f"The body is larger than {limit:,} bytes.")
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as exc:
            raise InvalidInput(f"The body is not valid JSON: {exc}.") from exc
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        return body


def number_of(text: str, *, name: str, most: int) -> int:
    """A number of the query from 1 to `most`. Raises InvalidInput."""
    is_number = text.isdecimal() and len(text) <= len(str(most))  # Python refuses to read thousands of digits
    if not is_number or not 1 <= int(text) <= most:
        raise InvalidInput(f"{name} must be a number from 1 to {most:,}.", path=f"/{name}")
    return int(text)
