"""Forms about rows of one team: new ones belong to the team the person works in now."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import Team
from accounts.selectors import current_team, may
from support.errors import NotFound

_UNKNOWN = object()


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that knows its team (`team_id`) and who fills it in."""

    team: ClassVar[Team | None] = None
    team_id: ClassVar[Any] = None
    user: ClassVar[Any] = None

    def required_team(self) -> Team:
        """The team that a new row is of. Raises PermissionDenied where one may not make any."""
        if self.team is None:
            raise PermissionDenied
        return self.team


def with_team(form: Any, request: HttpRequest, obj: Any | None) -> Any:
    """The form class for this request."""
    team = team_for_new(request)
    team_id = obj.team_id if obj is not None else team.id if team is not None else None
    return type(form.__name__, (form,), {"team": team, "team_id": team_id, "user": request.user})


def team_for_new(request: HttpRequest) -> Team | None:
    """The team the person works in, if they may set things up there. Asked once per request: the rail asks often."""
    known: Any = getattr(request, "_team_for_new", _UNKNOWN)
    if known is _UNKNOWN:
        known = _team_for_new(request)
        request._team_for_new = known  # type: ignore[attr-defined]
    found: Team | None = known
    return found


def _team_for_new(request: HttpRequest) -> Team | None:
    try:
        team = current_team(request)
    except NotFound:
        return None
    return team if may(request.user, "edit", team_id=team.id) else None
