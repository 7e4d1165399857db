"""The management API of traces: who reads what, in which pages, and what is refused."""

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, Team
from accounts.services import create_api_key
from apps.traces.models import Span
from support.ids import uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def read(client, team):
    """Reads an address with a key of the team that may read."""
    _key, secret = create_api_key(
        team_id=team.id, subject_kind="traces", subject_id=team.id, scopes=["traces:read"], name="reports"
    )

    def get(address: str, *, secret: str = secret):
        return client.get(address, headers={"authorization": f"Bearer {secret}"})

    return get


def test_a_key_reads_the_traces_of_its_team_newest_first(read, record):
    old, new = record(ago=300), record(ago=30)
    record(team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    body = read(reverse("api-traces")).json()
    assert [row["id"] for row in body["data"]] == [str(new.id), str(old.id)]
    assert body["has_more"] is False
    assert body["next_cursor"] is None
    assert body["data"][0]["duration_us"] == new.duration_us
    assert "input" not in body["data"][0]


def test_pages_follow_each_other_by_cursor(read, record):
    made = [str(record(ago=100 + number).id) for number in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        body = read(f"{reverse('api-traces')}?limit=2&cursor={cursor}").json()
        found += [row["id"] for row in body["data"]]
        cursor = body["next_cursor"]
    assert found == made


def test_the_filters_are_those_of_the_lists(read, record):
    record()
    broken = record(stories.broken_stream)
    for query in ("status=failed", "q=notice+period", f"q={broken.id}", "slower=10000", "error=model_unavailable"):
        body = read(f"{reverse('api-traces')}?{query}").json()
        assert [row["id"] for row in body["data"]] == [str(broken.id)], query


@pytest.mark.parametrize(
    "query", ["status=purple", "colour=blue", "since=forever", "from=yesterday", "limit=0", "limit=201", "sort=name"]
)
def test_what_makes_no_sense_is_refused_and_named(read, query):
    response = read(f"{reverse('api-traces')}?{query}")
    assert response.status_code == 400
    assert response.json()["details"]["path"] == f"/{query.partition('=')[0]}"


def test_one_trace_comes_whole_with_its_spans_in_order(read, record):
    trace = record()
    whole = read(reverse("api-trace", args=[trace.id])).json()
    assert whole["input"]["query"].startswith("How many days")
    address = reverse("api-trace-spans", args=[trace.id])
    first = read(f"{address}?limit=2").json()
    rest = read(f"{address}?limit=100&cursor={first['next_cursor']}").json()
    ids = [row["id"] for row in first["data"] + rest["data"]]
    assert ids == [str(each) for each in Span.objects.filter(trace=trace).order_by("id").values_list("id", flat=True)]
    llm = Span.objects.get(trace=trace, kind="llm")
    span = read(reverse("api-trace-span", args=[trace.id, llm.id])).json()
    assert span["payload"]["outputs"]["text"].startswith("You have 30 days")


def test_spans_are_listed_across_traces(read, record):
    record()
    record(stories.broken_stream)
    rows = read(f"{reverse('api-spans')}?kind=llm&status=error").json()["data"]
    assert [row["error_code"] for row in rows] == ["model_unavailable"]


def test_traces_of_other_teams_do_not_exist(read, record):
    theirs = record(team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    span = Span.objects.filter(trace=theirs).first()
    for address in (
        reverse("api-trace", args=[theirs.id]),
        reverse("api-trace-spans", args=[theirs.id]),
        reverse("api-trace-span", args=[theirs.id, span.id]),
    ):
        assert read(address).status_code == 404


def test_a_key_of_one_app_reads_that_app_only(read, record, team):
    app_id = uuid7()
    mine = record(application_id=app_id)
    record(application_id=uuid7())
    _key, secret = create_api_key(
        team_id=team.id, subject_kind="traces", subject_id=app_id, scopes=["traces:read"], name="one app"
    )
    body = read(reverse("api-traces"), secret=secret).json()
    assert [row["id"] for row in body["data"]] == [str(mine.id)]


def test_keys_that_only_send_or_open_something_else_are_refused(read, team):
    for kind, scope, status in (("traces", "traces:write", 403), ("dataset", "datasets:read", 401)):
        _key, secret = create_api_key(
            team_id=team.id, subject_kind=kind, subject_id=team.id, scopes=[scope], name="other"
        )
        assert read(reverse("api-traces"), secret=secret).status_code == status
    assert read(reverse("api-traces"), secret="traces-unknown").status_code == 401


def test_a_key_reads_only_if_somebody_says_so(read, team):
    key, secret = create_api_key(team_id=team.id, subject_kind="traces", subject_id=team.id, name="sender")
    assert key.scopes == ["traces:write"]
    assert read(reverse("api-traces"), secret=secret).status_code == 403


def test_a_signed_in_person_reads_with_their_session(client, operator, record):
    trace = record()
    assert client.get(reverse("api-traces")).status_code == 401
    client.force_login(operator)
    assert [row["id"] for row in client.get(reverse("api-traces")).json()["data"]] == [str(trace.id)]
    Membership.objects.filter(user=operator).update(role=Role.VIEWER)
    assert client.get(reverse("api-traces")).status_code == 200
    Membership.objects.filter(user=operator).delete()
    assert client.get(reverse("api-traces")).status_code == 403


def test_nothing_can_be_written(client, operator):
    client.force_login(operator)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(reverse("api-traces"), {}).status_code == 405


def test_a_query_that_takes_too_long_says_so(read, record, settings, monkeypatch):
    from apps.traces.api import views

    record()
    settings.TRACE_LIST_SECONDS = 0.02
    page_of = views.page_of

    def slowly(question, *, within, **more):
        return page_of(question, within=within.extra(where=["pg_sleep(1) IS NOT NULL"]), **more)

    monkeypatch.setattr(views, "page_of", slowly)
    response = read(reverse("api-traces"))
    assert (response.status_code, response.json()["code"]) == (503, "query_too_slow")


def test_the_schema_names_the_api_and_its_filters(client):
    schema = client.get(reverse("api-schema"), headers={"accept": "application/json"}).content.decode()
    for words in ("/api/traces/", "list_traces", "query_that_is_not_there"):
        assert (words in schema) is (words != "query_that_is_not_there")
