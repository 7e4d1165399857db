"""Saved views: kept, shared, opened with, changed and deleted by those who may."""

import re

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.traces.models import SavedView
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
LIST = "admin:traces_trace_changelist"


@pytest.fixture
def ben(team: Team) -> User:
    """A colleague."""
    user = User.objects.create_user(username="ben", password="a long password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    return user


@pytest.fixture
def as_user(client):
    """Signs somebody in and saves, changes or reads views as them."""

    class Hands:
        def __init__(self, user: User) -> None:
            client.force_login(user)

        def save(self, name: str, query: str, **more: str) -> SavedView:
            client.post(reverse("admin:traces_trace_views"), {"name": name, "query": query, **more})
            return SavedView.objects.get(name=name)

        def change(self, view: SavedView, do: str, **more: str) -> int:
            address = reverse("admin:traces_trace_view", args=[view.id])
            return client.post(address, {"do": do, **more}).status_code

        def see(self, address: str = "") -> str:
            response = client.get(reverse(LIST) + address)
            assert response.status_code == 200
            return response.content.decode()

    return Hands


def tabs(page: str) -> list[str]:
    """The names of the views above the list."""
    bar = page[page.index('<nav class="tabs"') :]
    return re.findall(r'<span class="truncate">(.*?)</span>', bar[: bar.index("</nav>")])


def listed(page: str) -> int:
    return page.count("<tr data-row=")


def test_a_view_brings_back_filters_order_and_columns(as_user, operator, record):
    record()
    record(stories.broken_stream)
    olga = as_user(operator)
    view = olga.save("Failures", "since=7d&status=failed&sort=slowest&cols=status,id&at=older.1.2&view=all")
    assert view.query == "since=7d&status=failed&sort=slowest&cols=status%2Cid"
    page = olga.see(f"?view={view.id}")
    assert listed(page) == 1
    assert "Slowest first" in page
    assert '<th scope="col" class="long secondary">Id</th>' in page
    assert ">Duration</th>" not in page
    assert "Update view" not in page


def test_filters_changed_within_a_view_can_be_kept_in_it(as_user, operator, record):
    record()
    olga = as_user(operator)
    view = olga.save("Mine", "since=7d")
    assert "Update view" in olga.see(f"?view={view.id}&since=7d&status=succeeded")
    olga.change(view, "update", query="since=7d&status=succeeded")
    view.refresh_from_db()
    assert view.query == "since=7d&status=succeeded"


def test_the_list_opens_with_the_view_somebody_chose_and_links_with_filters_do_not(as_user, operator, record):
    record()
    record(stories.broken_stream)
    olga = as_user(operator)
    view = olga.save("Failures", "status=failed", default="on")
    assert listed(olga.see()) == 1
    assert listed(olga.see("?view=all")) == 2
    assert listed(olga.see("?since=7d")) == 2
    olga.change(view, "open-all")
    assert listed(olga.see()) == 2


def test_others_see_a_view_once_it_is_shared(as_user, operator, ben):
    view = as_user(operator).save("Slow ones", "slower=3000")
    assert tabs(as_user(ben).see()) == []
    as_user(operator).change(view, "share")
    assert tabs(as_user(ben).see()) == ["Slow ones"]


def test_a_shared_view_is_changed_by_its_owner_and_who_manages_the_team_only(as_user, operator, ben, team):
    view = as_user(operator).save("Slow ones", "slower=3000", shared="on")
    for do in ("rename", "update", "unshare", "delete"):
        assert as_user(ben).change(view, do, name="Mine now") == 403
    assert as_user(ben).change(view, "open") == 302
    Membership.objects.filter(user=ben, team=team).update(role=Role.ADMIN)
    assert as_user(ben).change(view, "rename", name="Slow answers") == 302
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Slow answers", True)


def test_a_view_of_another_team_or_of_somebody_alone_is_not_there(as_user, operator, ben):
    private = as_user(operator).save("Private", "status=failed")
    assert as_user(ben).change(private, "open") == 404
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    theirs = SavedView.objects.create(
        team_id=wasps.id, user_id=ben.id, table="traces", name="Theirs", query="", is_shared=True
    )
    assert as_user(operator).change(theirs, "open") == 404
    assert tabs(as_user(operator).see()) == ["Private"]


def test_deleting_the_view_a_list_opens_with_leaves_everything(as_user, operator, record):
    record()
    olga = as_user(operator)
    view = olga.save("Failures", "status=failed", default="on")
    olga.change(view, "delete")
    assert listed(olga.see()) == 1
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_view_needs_a_name_that_fits_a_tab(client, operator, name):
    client.force_login(operator)
    response = client.post(reverse("admin:traces_trace_views"), {"name": name, "query": ""}, follow=True)
    assert "Give the view a name" in response.content.decode()
    assert not SavedView.objects.exists()


def test_saving_under_the_same_name_takes_the_view_over(as_user, operator):
    olga = as_user(operator)
    olga.save("Mine", "status=failed")
    assert olga.save("Mine", "status=stopped").query == "status=stopped"


def test_an_old_view_whose_filters_no_longer_exist_shows_the_rest(as_user, operator, record):
    record()
    olga = as_user(operator)
    view = olga.save("Old", "since=4000y&status=succeeded&colour=blue")
    page = olga.see(f"?view={view.id}")
    assert listed(page) == 1
    assert "Part of this address was left out." in page
