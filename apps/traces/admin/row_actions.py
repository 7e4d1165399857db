"""Pages of other apps that take traces on, as this person is offered them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from accounts.selectors import may
from apps.traces.hooks import actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A page, and what it is called here."""

    label: str | Promise
    icon: str
    url: str


def offered(request: HttpRequest, *, team_ids: Iterable[UUID]) -> list[Offered]:
    """The pages that the person may use in one of these teams."""
    user: Any = request.user
    teams, known = list(team_ids), actions()
    rights = {
        right
        for right in {action.right for action in known}
        if user.is_superuser or any(may(user, right, team_id=team_id) for team_id in teams)
    }
    found = []
    for action in known:
        if action.right in rights:
            try:
                found.append(Offered(label=action.label, icon=action.icon, url=reverse(action.url_name)))
            except NoReverseMatch:
                continue
    return found
