"""Reading accounts: which teams a person sees, and the one door to an API key."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, QuerySet
from django.http import HttpRequest

from accounts.models import ApiKey, Membership, Role, Team, User
from support.errors import NotAuthenticated, NotFound
from support.once import TEAMS, once

#: What each role may do. A role is a set of verbs; code asks for the verb, never for the role.
RIGHTS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({"view", "run", "annotate", "edit", "publish", "manage"}),
    Role.ADMIN: frozenset({"view", "run", "annotate", "edit", "publish", "manage"}),
    Role.EDITOR: frozenset({"view", "run", "annotate", "edit", "publish"}),
    Role.OPERATOR: frozenset({"view", "run", "annotate"}),
    Role.VIEWER: frozenset({"view", "run"}),
}


def teams_of(user: User | AnonymousUser) -> QuerySet[Team]:
    """The teams whose things this person may see (all of them for a superuser)."""
    if not user.is_authenticated:
        return Team.objects.none()
    if user.is_superuser:
        return Team.objects.all()
    return Team.objects.filter(memberships__user=user)


def teams_seen_by(request: HttpRequest) -> list[Team]:
    """The same of the person who asks, read once in a request: frame, lists and rights all need them."""
    return once(request, TEAMS, lambda: list(teams_of(request.user)))


def may(user: User | AnonymousUser, right: str, *, team_id: UUID) -> bool:
    """Whether the person's role in the team includes the right (view, run, annotate, edit, publish, manage)."""
    if not user.is_authenticated:
        return False
    if user.is_superuser:
        return True
    role = Membership.objects.filter(user=user, team_id=team_id).values_list("role", flat=True).first()
    return role is not None and right in RIGHTS[role]


def team_by_slug(slug: str) -> Team:
    """The team with this slug. Raises NotFound."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise NotFound(f"There is no team {slug!r}.", team=slug)
    return team


def api_key_for(secret: str) -> ApiKey:
    """The usable key behind a presented secret. Raises NotAuthenticated, with one message for every cause."""
    key = ApiKey.objects.filter(digest=ApiKey.digest_of(secret)).first() if secret else None
    if key is None or not key.is_usable:
        raise NotAuthenticated("Access token is invalid, expired or revoked.")
    return key


def current_team(request: HttpRequest) -> Team:
    """The team the person works in now: the session's choice (an id) if it is theirs, else their first.

    Raises NotFound for somebody who belongs to no team.
    """
    teams = teams_seen_by(request)
    chosen = request.session.get("team")
    team = next((team for team in teams if str(team.id) == chosen), teams[0] if teams else None)
    if team is None:
        raise NotFound("You belong to no team yet. Ask an administrator to add you to one.")
    return team


def form_team(request: HttpRequest) -> dict[str, Team]:
    """What a form that asks for a team begins with: the one the person works in now, if there is one."""
    try:
        return {"team": current_team(request)}
    except NotFound:
        return {}


def default_team(slug: str = "") -> Team:
    """The team the shell works for: the named one, else the oldest. Raises NotFound."""
    if slug:
        return team_by_slug(slug)
    team = Team.objects.order_by("created_at").first()
    if team is None:
        raise NotFound("There is no team yet. Start Skep once with `make up`, or make one in the admin.")
    return team


def all_team_ids() -> list[UUID]:
    """Every team's id: for the shell, whose user owns the installation."""
    return list(Team.objects.values_list("id", flat=True))


def keys_of_team(*, team_id: UUID, subject_kind: str) -> QuerySet[ApiKey]:
    """The team's keys of one kind, whatever they open, newest first, revoked ones last."""
    return ApiKey.objects.filter(team_id=team_id, subject_kind=subject_kind).order_by(
        F("revoked_at").asc(nulls_first=True), "-created_at"
    )


def keys_of(*, subject_kind: str, subject_id: UUID) -> QuerySet[ApiKey]:
    """The keys of an app or a dataset, newest first, revoked ones last."""
    return ApiKey.objects.filter(subject_kind=subject_kind, subject_id=subject_id).order_by(
        F("revoked_at").asc(nulls_first=True), "-created_at"
    )
