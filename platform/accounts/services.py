"""Writes of accounts: teams, first administrator, API keys."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, Membership, Role, Team, User
from support.errors import InvalidInput

APP_SCOPES = ("chat", "runs", "conversations", "feedback", "annotations", "experiments", "publish")
DATASET_SCOPES = ("datasets:read", "datasets:write")
TRACES_SCOPES = ("traces:write", "traces:read")
#: Given to a key only if somebody asks for it.
_SELDOM = frozenset({"traces:read", "experiments", "publish"})
_SCOPES = {
    ApiKey.Subject.APP: APP_SCOPES,
    ApiKey.Subject.DATASET: DATASET_SCOPES,
    ApiKey.Subject.TRACES: TRACES_SCOPES,
}


@transaction.atomic
def ensure_team(*, slug: str, name: str) -> Team:
    """The team with this slug, made if it is missing; every superuser becomes its owner."""
    team, created = Team.objects.get_or_create(slug=slug, defaults={"name": name})
    if created:
        for user in User.objects.filter(is_superuser=True):
            Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return team


@transaction.atomic
def ensure_first_admin(*, username: str = "admin") -> str | None:
    """Make the first administrator; returns the generated password once, None when somebody can already sign in."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(username=username, password=password)
    for team in Team.objects.all():
        Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    return password


def scopes_of(subject_kind: str) -> tuple[str, ...]:
    """All that a key to such a thing may be allowed."""
    return _SCOPES[ApiKey.Subject(subject_kind)]


def usual_scopes_of(subject_kind: str) -> tuple[str, ...]:
    """What a key to it may do unless somebody says otherwise.

    What programs send from should not be able to read, and what they chat from not to measure or publish.
    """
    return tuple(scope for scope in scopes_of(subject_kind) if scope not in _SELDOM)


def create_api_key(
    *,
    team_id: UUID,
    subject_kind: str,
    subject_id: UUID,
    scopes: Iterable[str] = (),
    expires_in: dt.timedelta | None = None,
    name: str = "",
    by: User | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret; the secret exists nowhere else after this. Raises InvalidInput for unknown scopes."""
    known = scopes_of(subject_kind)
    wanted = list(dict.fromkeys(scopes)) or list(usual_scopes_of(subject_kind))
    unknown = [scope for scope in wanted if scope not in known]
    if unknown:
        raise InvalidInput(f"Unknown scopes: {', '.join(unknown)}. Known are: {', '.join(known)}.", scopes=unknown)
    secret = ApiKey.generate(subject_kind)
    key = ApiKey.objects.create(
        team_id=team_id,
        name=name,
        subject_kind=subject_kind,
        subject_id=subject_id,
        prefix=secret[: len(subject_kind) + 5],
        digest=ApiKey.digest_of(secret),
        scopes=wanted,
        expires_at=timezone.now() + expires_in if expires_in else None,
        created_by=by,
    )
    return key, secret


def revoke_api_key(key: ApiKey) -> None:
    """Close a key for good."""
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])


def note_key_use(key: ApiKey) -> None:
    """Remember that the key was used, at most once a minute."""
    if not key.was_used_recently():
        ApiKey.objects.filter(id=key.id).update(last_used_at=timezone.now())
