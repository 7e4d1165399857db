"""A role opens the sandbox's pages for its own team's rows."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from tests.sandbox.django.test_page import FACTS

LIST, PAGE = "admin:sandbox_refusal_changelist", "sandbox:health"


@pytest.fixture
def operator(client, team) -> User:
    user = User.objects.create_user(username="olga", password="a long enough password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.OPERATOR)
    client.force_login(user)
    return user


def test_members_see_the_refusals_of_their_team_only(client, operator, record):
    mine = record()
    record(of=Team.objects.create(slug="wasps", name="Wasps"), app_slug="wasps-only")
    response = client.get(reverse(LIST))
    assert response.status_code == 200
    assert list(response.context["cl"].queryset) == [mine]
    assert "wasps-only" not in response.content.decode()


def test_the_page_shows_members_the_walls_and_not_what_other_teams_ran(client, operator, record, sandbox):
    sandbox(FACTS)
    record(system_call="keyctl", message="keyctl is not allowed")
    page = client.get(reverse(PAGE)).content.decode()
    assert "Landlock" in page
    assert "keyctl</code>" in page
    assert "ptrace" not in page


def test_who_only_looks_on_in_a_team_is_no_operator(client, team):
    user = User.objects.create_user(username="vera", password="a long enough password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    client.force_login(user)
    assert client.get(reverse(PAGE)).status_code == 403
    assert client.get(reverse(LIST)).status_code == 403
