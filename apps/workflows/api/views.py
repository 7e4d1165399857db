"""What the views of the service API share: key, scope, body limits, the caller's end user."""

from __future__ import annotations

from typing import Any, Final, Literal

from rest_framework.request import Request
from rest_framework.views import APIView

from apps.workflows.api.authentication import AppKeyAuthentication, HasScope
from apps.workflows.models import Application, Run
from support.api import JsonObjectParser, number_of
from support.errors import InvalidInput

__all__ = [
    "SOURCE",
    "JsonObjectParser",
    "ServiceView",
    "body_of",
    "end_user_of",
    "number_of",
    "page_limit",
]

SOURCE = Run.Source.API
MAX_USER_CHARS = 200
#: `background`: the caller comes back for the outcome, and a worker executes the run.
Mode = Literal["streaming", "blocking", "background"]
MODES: Final[tuple[Mode, ...]] = ("streaming", "blocking", "background")


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
