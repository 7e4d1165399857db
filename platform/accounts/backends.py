"""Roles as admin permissions: what a member may open in the admin follows from the role, row by row from the team."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from accounts.models import Membership, Team, User
from accounts.selectors import RIGHTS

#: App -> the right that looking takes, and the right that anything else takes.
_TAKES: dict[str, tuple[str, str]] = {
    "workflows": ("view", "edit"),
    "datasets": ("view", "edit"),
    "traces": ("view", "manage"),
    "annotations": ("view", "annotate"),
    "sandbox": ("annotate", "manage"),
    "providers": ("manage", "manage"),
    "accounts": ("manage", "manage"),
}
#: A person belongs to several teams, so no team's manager may see or edit people; and teams are made by superusers.
_NOT_FOR_ROLES = {
    "accounts.view_user",
    "accounts.add_user",
    "accounts.change_user",
    "accounts.delete_user",
    "accounts.add_team",
    "accounts.delete_team",
}


class RoleBackend(BaseBackend):
    """Answers `has_perm` from the roles a person has. It signs nobody in.

    Without an object a permission means "in some team", with a team (or a row of one) "there"; `ConsoleModelAdmin` asks
    both ways, so that a role counts in its own team only.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        app_label, _, codename = perm.partition(".")
        if (
            app_label not in _TAKES
            or perm in _NOT_FOR_ROLES
            or not isinstance(user_obj, User)
            or not user_obj.is_active
        ):
            return False
        look, act = _TAKES[app_label]
        needed = look if codename.startswith("view_") else act
        if obj is None:
            return needed in _rights_of(user_obj)
        team_id = obj.id if isinstance(obj, Team) else getattr(obj, "team_id", None)
        return needed in _rights_by_team(user_obj).get(team_id, frozenset())

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the app has anything for this person."""
        if app_label not in _TAKES or not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return _TAKES[app_label][0] in _rights_of(user_obj)


def _rights_of(user: User) -> frozenset[str]:
    """All rights the person has in any team."""
    return frozenset().union(*_rights_by_team(user).values())


def _rights_by_team(user: User) -> dict[Any, frozenset[str]]:
    """The rights the person has, team by team; asked once per request."""
    known: dict[Any, frozenset[str]] | None = getattr(user, "_rights_by_team", None)
    if known is None:
        roles = Membership.objects.filter(user=user).values_list("team_id", "role")
        known = {team_id: RIGHTS[role] for team_id, role in roles}
        user._rights_by_team = known  # type: ignore[attr-defined]
    return known
