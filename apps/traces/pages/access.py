"""The members' door to the pages of a team's traces: of the team that the person works in now."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.models import Team
from accounts.selectors import current_team, may
from support.errors import NotFound

View = Callable[..., HttpResponse]


def team_page(right: str) -> Callable[[View], View]:
    """`view(request, team, ...)` becomes `view(request, ...)` for members with the right; others get a 403."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                team: Team = current_team(request)
            except NotFound as exc:
                raise PermissionDenied from exc
            if not may(request.user, right, team_id=team.id):
                raise PermissionDenied
            return view(request, team, *args, **kwargs)

        return page

    return decorate
