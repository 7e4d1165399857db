"""What each role may do, on pages and in the admin."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership, Role, Team, User
from accounts.selectors import may
from accounts.services import ensure_first_admin, ensure_team


@pytest.fixture
def team(db: None) -> Team:
    return ensure_team(slug="bees", name="Bees")


def member(team: Team, role: str, *, staff: bool = True) -> User:
    user = User.objects.create_user(username=role, password="x", is_staff=staff)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {"view", "run"}),
        (Role.OPERATOR, {"view", "run", "annotate"}),
        (Role.EDITOR, {"view", "run", "annotate", "edit", "publish"}),
        (Role.ADMIN, {"view", "run", "annotate", "edit", "publish", "manage"}),
    ],
)
def test_a_role_is_a_set_of_rights_in_its_own_team_only(team: Team, role: str, rights: set[str]) -> None:
    user = member(team, role)
    other = Team.objects.create(slug="wasps", name="Wasps")
    every = ("view", "run", "annotate", "edit", "publish", "manage")
    assert {right for right in every if may(user, right, team_id=team.id)} == rights
    assert not [right for right in every if may(user, right, team_id=other.id)]


@pytest.mark.django_db(databases=["default", "traces"])
def test_an_operator_finds_traces_and_reviews_in_the_admin_but_no_keys_of_providers(client: Any, team: Team) -> None:
    client.force_login(member(team, Role.OPERATOR))
    for path in ("workflows/run", "workflows/conversation", "traces/trace", "annotations/annotation"):
        assert client.get(f"/admin/{path}/").status_code == 200, path
    for path in ("providers/providercredential", "accounts/user", "accounts/apikey", "auth/group"):
        assert client.get(f"/admin/{path}/").status_code == 403, path


@pytest.mark.django_db(databases=["default", "traces"])
def test_a_manager_sees_the_keys_of_his_own_team_and_no_people(client: Any, team: Team) -> None:
    client.force_login(member(team, Role.ADMIN))
    assert client.get("/admin/providers/providercredential/").status_code == 200
    assert client.get("/admin/accounts/user/").status_code == 403
    form = client.get("/admin/providers/providercredential/add/").content.decode()
    Team.objects.create(slug="wasps", name="Wasps")
    assert "Bees" in form
    assert "Wasps" not in client.get("/admin/providers/providercredential/add/").content.decode()


def test_the_first_administrator_gets_a_password_once_and_owns_the_teams(team: Team) -> None:
    password = ensure_first_admin()
    assert password is not None
    admin = User.objects.get()
    assert admin.check_password(password)
    assert Membership.objects.get(user=admin, team=team).role == Role.OWNER
    assert ensure_first_admin() is None
