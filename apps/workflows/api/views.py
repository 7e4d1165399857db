"""What the views of the service API share: key, scope, body limits, the caller's end user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final, Literal

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.workflows.api.authentication import AppKeyAuthentication, HasScope
from apps.workflows.models import Application, Run
from support.errors import InvalidInput, TooLarge

SOURCE = Run.Source.API
MAX_USER_CHARS = 200
#: `background`: the caller comes back for the outcome, and a worker executes the run.
Mode = Literal["streaming", "blocking", "background"]
MODES: Final[tuple[Mode, ...]] = ("streaming", "blocking", "background")


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


class ServiceView(APIView):
    """A view of `/v1`, opened by an app key with the view's scope."""

    authentication_classes = [AppKeyAuthentication]
    permission_classes = [HasScope]
    parser_classes = [JsonObjectParser]
    scope = "chat"

    def application(self) -> Application:
        """The app that the key opens."""
        application: Application = self.request.user.application  # type: ignore[union-attr]
        return application


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; empty where nothing was."""
    return request.data if isinstance(request.data, dict) else {}


def end_user_of(request: Request) -> str:
    """The caller's name for the person behind the request, from body or query. Raises InvalidInput."""
    user = body_of(request).get("user")
    user = request.query_params.get("user", "") if user is None else user
    if not isinstance(user, str):
        raise InvalidInput("user must be a string.", path="/user")
    if len(user) > MAX_USER_CHARS:
        raise InvalidInput(f"user is longer than {MAX_USER_CHARS} characters.", path="/user")
    return user.replace("\x00", "")


def mode_of(request: Request) -> Mode:
    """How the caller wants to hear of the run. Raises InvalidInput."""
    mode = body_of(request).get("response_mode", "blocking")
    for known in MODES:
        if mode == known:  # it may be a list, which no set can be asked about
            return known
    raise InvalidInput(f"response_mode must be one of: {', '.join(MODES)}.", path="/response_mode")


def page_limit(request: Request, *, default: int = 20, most: int = 100) -> int:
    """The `limit` of a list. Raises InvalidInput."""
    text = request.query_params.get("limit", str(default))
    return number_of(text, name="limit", most=most)


def number_of(text: str, *, name: str, most: int) -> int:
    """A number of the query from 1 to `most`. Raises InvalidInput."""
    is_number = text.isdecimal() and len(text) <= len(str(most))  # Python refuses to read thousands of digits
    if not is_number or not 1 <= int(text) <= most:
        raise InvalidInput(f"{name} must be a number from 1 to {most:,}.", path=f"/{name}")
    return int(text)
