"""The pages about OpenTelemetry: keys for traces, and where traces are sent on to."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import ApiKey, Membership, Role, Team, User
from apps.traces.models import OutgoingTrace, TraceDestination
from apps.traces.otlp.senders import look_up
from apps.traces.services.send_on import headers_of
from apps.workflows import services
from support.errors import NotAllowed, NotAuthenticated
from support.ids import uuid7
from tests.traces.otlp.test_send_on import Collector, collector

__all__ = ["collector"]
pytestmark = pytest.mark.django_db(databases=["default", "traces"])
APP = """
skep: 1
app: {name: Echo, kind: chat}
nodes: [{id: start, type: start}, {id: say, type: answer, config: {text: Hello}}]
edges: [{from: start, to: say}]
"""
RECEIVE, SEND_ON = "/opentelemetry/", "/opentelemetry/send-on/"


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


def signed_in(team: Team, role: str) -> Client:
    user = User.objects.create_user(username=f"a {role}", password="a long password")
    Membership.objects.create(team=team, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def make_key(client: Client, **given: str) -> str:
    page = client.post(RECEIVE, {"name": "shop", "expires": "", "scopes": ["traces:write"], **given})
    assert page["Cache-Control"] == "no-store"
    return re.findall(r"traces-[A-Za-z0-9_-]{20,}", page.content.decode())[0]


def test_a_new_key_stands_in_the_lines_for_programs_once_if_it_may_send(team: Team) -> None:
    client = signed_in(team, Role.EDITOR)
    given = {"name": "shop", "expires": ""}
    made = client.post(RECEIVE, {**given, "scopes": ["traces:write"]}).content.decode()
    assert re.search(r"OTLP_HEADERS=Authorization=Bearer%20traces-[A-Za-z0-9_-]{20,}\n?", made)
    assert re.search(r"LANGFUSE_SECRET_KEY=traces-[A-Za-z0-9_-]{20,}", made)
    assert "LANGFUSE_SECRET_KEY=traces-…" in client.get(RECEIVE).content.decode()
    reads = client.post(RECEIVE, {**given, "scopes": ["traces:read"]}).content.decode()
    assert "LANGFUSE_SECRET_KEY=traces-…" in reads


def test_an_editor_makes_a_key_that_takes_traces_of_the_team_and_revokes_it(team: Team) -> None:
    client = signed_in(team, Role.EDITOR)
    secret = make_key(client)
    assert look_up(secret).team_id == team.id
    assert look_up(secret).application_id is None
    key = ApiKey.objects.get()
    assert key.last_used_at is not None
    listed = client.get(RECEIVE).content.decode()
    assert key.prefix in listed
    assert secret not in listed
    assert client.post(reverse("otel:revoke-key", args=[team.slug, key.id]), follow=True).status_code == 200
    with pytest.raises(NotAuthenticated):
        look_up(secret)


def test_a_key_may_be_for_the_traces_of_one_app(team: Team) -> None:
    app, _saved = services.import_document(text=APP, team_id=team.id)
    other = Team.objects.create(slug="wasps", name="Wasps")
    theirs, _saved = services.import_document(text=APP, team_id=other.id)
    client = signed_in(team, Role.EDITOR)
    assert look_up(make_key(client, app=str(app.id))).application_id == app.id
    refused = client.post(RECEIVE, {"name": "x", "scopes": ["traces:write"], "app": str(theirs.id)})
    assert refused.status_code == 200
    assert ApiKey.objects.count() == 1


def test_keys_for_other_things_take_no_traces(team: Team) -> None:
    from accounts.services import create_api_key

    _key, secret = create_api_key(team_id=team.id, subject_kind="app", subject_id=uuid7())
    with pytest.raises(NotAllowed):
        look_up(secret)
    key, secret = create_api_key(team_id=team.id, subject_kind="traces", subject_id=team.id)
    ApiKey.objects.filter(id=key.id).update(scopes=[])
    with pytest.raises(NotAllowed):
        look_up(secret)


def test_pages_are_for_those_with_the_right(team: Team) -> None:
    for role, keys, destination in ((Role.VIEWER, 403, 403), (Role.EDITOR, 200, 403), (Role.ADMIN, 200, 200)):
        client = signed_in(team, role)
        assert (client.get(RECEIVE).status_code, client.get(SEND_ON).status_code) == (keys, destination)
    assert Client().get(RECEIVE).status_code == 302
    other = Team.objects.create(slug="wasps", name="Wasps")
    outsider = signed_in(other, Role.OWNER)
    secret = make_key(client)
    key = ApiKey.objects.get()
    outsider.post(reverse("otel:revoke-key", args=[team.slug, key.id]))
    assert look_up(secret).team_id == team.id


GOOD = {
    "endpoint": "https://collector.example.org/v1/traces",
    "headers": "Authorization: Bearer s3cret\nX-Team: bees",
    "is_on": "on",
}


def test_an_admin_says_where_traces_go_and_headers_are_never_shown(team: Team) -> None:
    client = signed_in(team, Role.ADMIN)
    assert client.post(SEND_ON, GOOD, follow=True).status_code == 200
    saved = TraceDestination.objects.get()
    assert headers_of(saved) == {"Authorization": "Bearer s3cret", "X-Team": "bees"}
    page = client.get(SEND_ON).content.decode()
    assert "Authorization, X-Team" in page
    assert "s3cret" not in page
    client.post(SEND_ON, {**GOOD, "headers": "", "with_content": "on"})
    saved.refresh_from_db()
    assert saved.with_content
    assert headers_of(saved)["X-Team"] == "bees"


def test_headers_do_not_follow_to_another_address(team: Team) -> None:
    client = signed_in(team, Role.ADMIN)
    client.post(SEND_ON, GOOD)
    client.post(SEND_ON, {**GOOD, "headers": "", "endpoint": "https://elsewhere.example.org/v1/traces"})
    assert headers_of(TraceDestination.objects.get()) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "collector"},
        {"endpoint": "ftp://example.org/"},
        {"endpoint": "https://user:password@example.org/"},
        {"endpoint": "http://[bad"},
        {"headers": "no colon"},
        {"headers": "Bad Name: x"},
        {"headers": "X: häder"},
        {"headers": "\n".join(f"X-{number}: 1" for number in range(30))},
    ],
)
def test_what_cannot_be_sent_is_not_saved(team: Team, wrong: dict[str, str]) -> None:
    page = signed_in(team, Role.ADMIN).post(SEND_ON, {**GOOD, **wrong})
    assert page.status_code == 200
    assert "field-error" in page.content.decode()
    assert not TraceDestination.objects.exists()


def test_stopping_forgets_what_waits(team: Team) -> None:
    client = signed_in(team, Role.ADMIN)
    client.post(SEND_ON, GOOD)
    OutgoingTrace.objects.create(trace_id=uuid7(), team_id=team.id)
    client.post(SEND_ON, {**GOOD, "is_on": ""})
    assert (TraceDestination.objects.get().is_on, OutgoingTrace.objects.count()) == (False, 0)
    client.post(SEND_ON, {"forget": "1"})
    assert not TraceDestination.objects.exists()


@pytest.mark.django_db(databases=["default", "traces"], transaction=True)
def test_a_receiver_can_be_tried(transactional_db: None, collector: Collector, settings: Settings) -> None:
    team = Team.objects.create(slug="bees", name="Bees")
    client = signed_in(team, Role.ADMIN)
    settings.EGRESS_ALLOW = collector.place
    client.post(SEND_ON, {**GOOD, "endpoint": f"http://{collector.place}/v1/traces"})
    collector.answers = [(200, b"", {}), (401, b"", {})]
    good = client.post("/opentelemetry/send-on/test/", follow=True).content.decode()
    bad = client.post("/opentelemetry/send-on/test/", follow=True).content.decode()
    assert "took a test" in good
    assert "It answers 401" in bad
    assert [headers["Authorization"] for headers, _ in collector.seen] == ["Bearer s3cret"] * 2
