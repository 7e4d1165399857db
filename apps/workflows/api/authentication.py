"""API callers: who presents an app's key, and what the key may do."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from accounts.selectors import api_key_for
from accounts.services import note_key_use
from apps.workflows.models import Application
from apps.workflows.selectors.applications import application_of_key
from support.errors import NotAllowed, NotAuthenticated


class ApiCaller:
    """The program behind a key, in the place of a signed-in person."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, *, key: ApiKey, application: Application) -> None:
        self.key = key
        self.application = application


class AppKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer app-...`. Afterwards `request.user.application` is the app and `request.auth` the key."""

    def authenticate(self, request: Request) -> tuple[ApiCaller, ApiKey]:
        """Raises NotAuthenticated: on these paths there is no anonymous access."""
        return self.authenticate_header_value(request.headers.get("Authorization", ""))

    @staticmethod
    def authenticate_header_value(header: str) -> tuple[ApiCaller, ApiKey]:
        """The same for a header that came another way (WebSocket)."""
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAuthenticated("Send the app's key as `Authorization: Bearer app-...`.")
        key = api_key_for(secret.strip())
        application = application_of_key(key)
        note_key_use(key)
        return ApiCaller(key=key, application=application), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The key's scopes include the one that the view names in `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        key: Any = request.auth
        require_scope(key, view.scope)
        return True


def require_scope(key: ApiKey, scope: str) -> None:
    """Raise NotAllowed when the key was not given the scope."""
    if scope not in key.scopes:
        raise NotAllowed(f"This key lacks the scope {scope!r}. Make one that has it.", scope=scope)
