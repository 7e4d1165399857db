"""Roles as admin permissions: what a member may open in the admin follows from the role, row by row from the team."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from accounts.models import Membership, User
from accounts.selectors import RIGHTS

#: App -> the right that looking takes, and the right that anything else takes.
_TAKES: dict[str, tuple[str, str]] = {
    "workflows": ("view", "edit"),
    "datasets": ("view", "edit"),
    "traces": ("view", "manage"),
    "annotations": ("view", "annotate"),
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

    A permission here means "in some team"; which rows of which team a person sees is up to `ConsoleModelAdmin`.
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
        return (look if codename.startswith("view_") else act) in _rights_of(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the app has anything for this person."""
        if app_label not in _TAKES or not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return _TAKES[app_label][0] in _rights_of(user_obj)


def _rights_of(user: User) -> frozenset[str]:
    """All rights the person has in any team; asked once per request."""
    known: frozenset[str] | None = getattr(user, "_rights_somewhere", None)
    if known is None:
        roles = Membership.objects.filter(user=user).values_list("role", flat=True)
        known = frozenset().union(*(RIGHTS[role] for role in roles))
        user._rights_somewhere = known  # type: ignore[attr-defined]
    return known
