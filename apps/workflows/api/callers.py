"""Who is on the other end of a WebSocket: an API key, a team member, or a visitor of a public chat page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts.selectors import may, teams_of
from apps.workflows.api.authentication import AppKeyAuthentication, require_scope
from apps.workflows.models import Application, Run, Version
from apps.workflows.selectors.applications import live_version, open_application, public_application
from apps.workflows.selectors.visitors import visitor_of
from support.errors import NotAllowed, NotAuthenticated, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`detailed` callers see what nodes took and gave; `end_user` is empty where the caller names it himself."""

    application: Application
    source: str
    end_user: str
    detailed: bool

    def version(self, wanted: str) -> Version:
        """The published version, or the draft for a team member who asks for it. Raises NotPublished, NotAllowed."""
        if wanted == "draft":
            if self.source != Run.Source.CONSOLE:
                raise NotAllowed("Only members of the team run drafts.")
            if self.application.draft is not None:
                return self.application.draft
        return live_version(self.application)


def caller_of_key(secret: str, slug: str) -> Caller:
    """Raises NotAuthenticated for a bad key and for one of another app, NotAllowed without the scope `chat`."""
    caller, key = AppKeyAuthentication.authenticate_header_value(f"Bearer {secret}")
    require_scope(key, "chat")
    if caller.application.slug != slug:
        raise NotAuthenticated("This key opens another app.")
    return Caller(application=caller.application, source=Run.Source.API, end_user="", detailed=True)


def caller_of_scope(scope: Mapping[str, Any], slug: str) -> Caller | None:
    """Who connects: by key in the header, by session, or as a visitor. None: a key must follow in a frame.

    Raises NotFound when nobody could ever be let in with what was sent.
    """
    headers = dict(scope["headers"])
    if b"authorization" in headers:
        _, _, secret = headers[b"authorization"].decode("latin-1").partition(" ")
        return caller_of_key(secret, slug)
    wants_public = b"public=1" in scope.get("query_string", b"")
    member = None if wants_public else _member(scope.get("user"), slug)
    if member is not None:
        return member
    visitor = visitor_of(scope.get("cookies", {}))
    try:
        application = public_application(slug)
    except NotFound:
        if visitor or wants_public:
            raise
        return None
    if not visitor:
        return None
    return Caller(application=application, source=Run.Source.PUBLIC, end_user=visitor, detailed=False)


def user_now(scope: Mapping[str, Any]) -> Any:
    """Who is signed in at this moment: a connection may outlive the session it began with."""
    if "cookies" not in scope:
        return scope.get("user")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
    return get_user(request)


def _member(user: Any, slug: str) -> Caller | None:
    if user is None or not user.is_authenticated:
        return None
    try:
        application = open_application(slug, team_ids=teams_of(user).values_list("id", flat=True))
    except NotFound:
        return None
    if not may(user, "run", team_id=application.team_id):
        return None
    return Caller(application=application, source=Run.Source.CONSOLE, end_user=user.get_username(), detailed=True)
