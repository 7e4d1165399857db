"""API keys: shown once, stored as a hash, scoped, expiring."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest

from accounts.models import ApiKey, Team
from accounts.selectors import api_key_for
from accounts.services import create_api_key, revoke_api_key
from support.errors import InvalidInput, NotAuthenticated


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


def make(team: Team, **options: object) -> tuple[ApiKey, str]:
    return create_api_key(team_id=team.id, subject_kind="app", subject_id=uuid4(), **options)  # type: ignore[arg-type]


def test_the_secret_opens_and_is_nowhere_in_the_database(team: Team) -> None:
    key, secret = make(team)
    assert api_key_for(secret) == key
    row = ApiKey.objects.values().get()
    assert not [value for value in row.values() if secret in str(value)]
    assert secret.startswith(key.prefix)
    assert len(key.prefix) < 12


def test_a_key_ends_when_it_expires_or_is_revoked(team: Team) -> None:
    _, expired = make(team, expires_in=dt.timedelta(seconds=-1))
    revoked_key, revoked = make(team)
    revoke_api_key(revoked_key)
    for secret in (expired, revoked, "", "app-unknown"):
        with pytest.raises(NotAuthenticated):
            api_key_for(secret)


def test_a_scope_that_does_not_exist_is_refused_by_name(team: Team) -> None:
    with pytest.raises(InvalidInput, match="fly"):
        make(team, scopes=["chat", "fly"])
    assert not ApiKey.objects.exists()
