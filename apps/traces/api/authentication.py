"""Who may read traces over HTTP: signed-in people, and programs with a key whose scopes say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from accounts.selectors import RIGHTS, api_key_for
from accounts.services import note_key_use
from support.errors import NotAllowed, NotAuthenticated

READ = "traces:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose traces may be read: those of some teams (None: of all), or of one app."""

    team_ids: list[UUID] | None
    application_id: UUID | None = None


class KeyReader:
    """The program behind a key, in the place of a signed-in person."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, reader: Reader) -> None:
        self.reader = reader


class TracesKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer traces-...`; requests without that header are left to the session."""

    def authenticate(self, request: Request) -> tuple[KeyReader, ApiKey] | None:
        """Raises NotAuthenticated."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = api_key_for(secret.strip())
        if key.subject_kind != ApiKey.Subject.TRACES:
            raise NotAuthenticated("This key opens no traces.")
        note_key_use(key)
        one_app = None if key.subject_id == key.team_id else key.subject_id
        return KeyReader(Reader(team_ids=[key.team_id], application_id=one_app)), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MayReadTraces(BasePermission):
    """A key needs the scope `traces:read`; a person the right to look in at least one team."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated("Sign in, or send a key as `Authorization: Bearer traces-...`.")
        if isinstance(request.auth, ApiKey) and READ not in request.auth.scopes:
            raise NotAllowed(f"This key lacks the scope {READ!r}. Make one that has it.", scope=READ)
        reader = reader_of(request)
        if reader.team_ids is not None and not reader.team_ids:
            raise NotAllowed("You may look at the traces of no team.")
        return True


def reader_of(request: Request) -> Reader:
    """Whose traces this request may read."""
    user: Any = request.user
    if isinstance(user, KeyReader):
        return user.reader
    if user.is_superuser:
        return Reader(team_ids=None)
    roles = user.memberships.values_list("team_id", "role")
    return Reader(team_ids=[team_id for team_id, role in roles if "view" in RIGHTS[role]])
