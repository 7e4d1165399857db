"""Forms that ask for a team begin with the one that the person works in."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Membership, Role, Team, User

pytestmark = pytest.mark.django_db
FORMS = ("/admin/providers/providercredential/add/", "/admin/workflows/toolset/add/")


@pytest.mark.parametrize("form", FORMS)
def test_a_new_row_is_for_the_team_one_works_in(form: str) -> None:
    other, mine = (Team.objects.create(slug=slug, name=slug.title()) for slug in ("alpha", "zeta"))
    client = Client()
    user = User.objects.create_superuser("root", password="irrelevant here")
    for team in (other, mine):
        Membership.objects.create(team=team, user=user, role=Role.OWNER)
    client.force_login(user)
    client.post("/team/", {"team": str(mine.id)})
    page = client.get(form).content.decode()
    assert f'<option value="{mine.id}" selected>' in page
    assert f'<option value="{other.id}" selected>' not in page


@pytest.mark.parametrize("form", FORMS)
def test_somebody_without_a_team_is_asked(form: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="irrelevant here"))
    assert client.get(form).status_code == 200
