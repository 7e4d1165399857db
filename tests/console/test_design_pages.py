"""Pages as a browser gets them: policy, theme, language, rail, sign-in, errors, the admin in the console's frame."""

import json
import re

import pytest
from django.test import Client

from accounts.models import Membership, Role, Team, User

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
PASSWORD = "a long enough password"


@pytest.fixture
def team():
    return Team.objects.create(slug="acme", name="Acme <Support>")


@pytest.fixture
def ada(team):
    user = User.objects.create_superuser("ada", password=PASSWORD, first_name="Ada")
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


def policy(response) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/nothing/here/", "/health/live", "/console/styles/"])
def test_every_answer_carries_a_policy_without_unsafe_sources(client, path):
    sources = policy(client.get(path))
    assert sources["script-src"] == sources["style-src"] == sources["default-src"] == "'self'"
    assert sources["frame-ancestors"] == sources["base-uri"] == sources["object-src"] == "'none'"
    assert "unsafe" not in str(sources)


def test_a_direct_visit_to_the_admins_sign_in_ends_in_the_admin(client, ada):
    assert b"Sign in to Skep" in client.get("/admin/login/").content
    form = client.get("/admin/login/").context
    response = client.post(
        "/admin/login/", {"username": "ada", "password": PASSWORD, "next": form["next"]}, follow=True
    )
    assert response.redirect_chain == [("/admin/", 302)]
    assert b"All records" in response.content


def test_a_wrong_password_is_answered_in_the_form(client, ada):
    response = client.post("/login/", {"username": "ada", "password": "wrong"})
    assert b'role="alert"' in response.content
    assert client.get("/console/styles/").status_code == 302


@pytest.mark.parametrize("part", ["parts", "lists", "forms", "chat", "trace", "unknown"])
def test_the_style_page_shows_each_part(signed_in, part):
    response = signed_in.get("/console/styles/", {"part": part})
    assert response.status_code == 200
    assert b"<script>alert" not in response.content


def test_the_theme_comes_with_the_page_so_that_nothing_flashes(signed_in):
    assert b'data-theme="auto"' in signed_in.get("/console/styles/").content
    signed_in.cookies["skep_theme"] = "dark"
    assert b'data-theme="dark"' in signed_in.get("/console/styles/").content
    signed_in.cookies["skep_theme"] = '"><script>'
    assert b'data-theme="auto"' in signed_in.get("/console/styles/").content


def test_console_and_admin_have_the_same_rail_with_the_current_place_marked(signed_in):
    def rail(path: str) -> list[tuple[str, str, bool]]:
        html = signed_in.get(path).content.decode()
        nav = html[html.index('class="rail-nav"') : html.index('class="rail-foot"')]
        links = re.findall(r'class="rail-link" href="([^"]+)" title="([^"]+)"( aria-current)?', nav)
        return [(url, label, bool(current)) for url, label, current in links]

    console, admin = rail("/"), rail("/admin/accounts/user/")
    assert [(url, label) for url, label, _current in console] == [(url, label) for url, label, _current in admin]
    assert [label for _url, label, current in console if current] == ["Apps"]
    assert [label for _url, label, current in admin if current] == ["Users"]
    assert rail("/admin/accounts/user/add/") == admin


def test_somebody_who_is_not_staff_sees_no_way_into_the_admin(client, team):
    user = User.objects.create_user("ben", password=PASSWORD)
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    client.force_login(user)
    assert b'href="/admin/' not in client.get("/console/styles/").content


@pytest.mark.django_db(databases=["default", "traces"])
def test_a_staff_member_sees_only_the_lists_that_the_admin_would_open(client, team):
    user = User.objects.create_user("eve", password=PASSWORD, is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    client.force_login(user)
    links = set(re.findall(r'href="(/admin/[^"]+)"', client.get("/console/styles/").content.decode()))
    assert links
    assert not [link for link in links if "providers" in link or "accounts" in link]
    assert {client.get(link).status_code for link in links} == {200}


def test_the_palette_knows_the_pages_of_the_rail_and_escapes_them(signed_in):
    html = signed_in.get("/console/styles/").content.decode()
    raw = re.search(r'<script id="palette-pages" type="application/json">(.*?)</script>', html)
    pages = json.loads(raw.group(1))
    assert {"label": "Users", "where": "Operate", "url": "/admin/accounts/user/", "icon": "circle-user"} in pages
    assert "Acme &lt;Support&gt;" in html


def test_the_language_can_be_switched_on_any_page(signed_in):
    response = signed_in.post("/i18n/setlang/", {"language": "zh-hans", "next": "/console/styles/"}, follow=True)
    assert b'<html lang="zh-hans"' in response.content


def test_error_pages_wear_the_same_clothes_and_name_the_next_step(client, ada, settings):
    missing = client.get("/nothing/here/")
    assert missing.status_code == 404
    assert b"There is nothing at this address" in missing.content
    assert b"tokens.css" in missing.content
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post("/login/", {"username": "ada", "password": PASSWORD})
    assert refused.status_code == 403
    assert b"too old to be accepted" in refused.content


def test_the_admins_lists_say_how_many_there_are_and_lead_on(signed_in):
    User.objects.bulk_create([User(username=f"user{number:03}", password="!") for number in range(120)])
    first = signed_in.get("/admin/accounts/user/").content.decode()
    assert "of 121 users" in re.sub(r"\s+", " ", first)
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    last = signed_in.get("/admin/accounts/user/", {"p": "2"}).content.decode()
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


def test_a_filter_that_is_on_shows_its_value_and_can_be_cleared(signed_in):
    html = signed_in.get("/admin/accounts/user/", {"is_staff__exact": "0"}).content.decode()
    assert html.count('class="chip chip-on"') == 1
    assert "Clear filters" in html
    assert "No users match" in html


def test_what_is_deleted_is_named_on_the_button(signed_in, team):
    html = signed_in.get(f"/admin/accounts/team/{team.id}/delete/").content.decode()
    assert "Delete “Acme &lt;Support&gt;”" in html
    assert "Memberships: 1" in html


def test_a_refused_form_says_so_above_and_at_the_field(signed_in, team):
    response = signed_in.post(f"/admin/accounts/team/{team.id}/change/", {"name": "", "slug": "acme"} | formset())
    html = response.content.decode()
    assert "Nothing was saved" in html
    assert '<a href="#id_name">' in html
    assert "errorlist" in html


def formset() -> dict[str, str]:
    return {f"memberships-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}


def test_the_first_page_of_the_admin_counts_no_table(signed_in, django_assert_max_num_queries):
    signed_in.get("/admin/")
    with django_assert_max_num_queries(8) as captured:
        signed_in.get("/admin/")
    assert not [query for query in captured.captured_queries if "COUNT(" in query["sql"]]
