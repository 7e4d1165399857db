"""Putting answers and traces into a queue by hand, from the pages that list and show them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team, User
from apps.annotations.models import ReviewQueue
from apps.workflows.models import Application
from tests.annotations.conftest import make_app, make_turn
from tests.annotations.test_queues import answer, make_config, make_items, make_queue, person
from tests.traces.conftest import record  # noqa: F401  # the trace of a told run

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
PUT = "/admin/annotations/reviewqueue/put/"


@pytest.fixture
def queue(team: Team) -> ReviewQueue:
    return make_queue(team, name="By hand", feed="hand")


def test_answers_picked_in_the_review_list_enter_once(
    client: Client, app: Application, operator: User, queue: ReviewQueue
) -> None:
    turns = [make_turn(app, f"Question {number}?") for number in range(3)]
    client.force_login(operator)
    listed = client.get(reverse("admin:annotations_review_changelist"), {"show": "all"}).content.decode()
    assert f'action="{reverse("admin:annotations_queue_put")}"' in listed
    assert f'name="ids" value="{turns[0].id}"' in listed
    chosen = client.get(PUT, {"ids": [str(turns[0].id), str(turns[1].id)]})
    assert "2 answers or traces are picked" in chosen.content.decode()
    body = {"ids": f"{turns[0].id},{turns[1].id}", "queue": str(queue.id)}
    answer = client.post(PUT, body, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("admin:annotations_queue_overview", args=[queue.id])
    assert "2 items entered “By hand”." in answer.content.decode()
    again = client.post(PUT, {**body, "back": reverse("admin:annotations_review_changelist")}, follow=True)
    assert "0 items entered “By hand”. 2 were in it already." in again.content.decode()
    assert again.redirect_chain[-1][0] == reverse("admin:annotations_review_changelist")
    assert sorted(queue.items.values_list("question", "origin")) == [("Question 0?", "hand"), ("Question 1?", "hand")]


def test_a_trace_is_offered_to_queues_on_its_page_and_in_the_list_with_all_that_fit(
    client: Client,
    operator: User,
    queue: ReviewQueue,
    record: Any,  # noqa: F811
) -> None:
    traces = [record() for _ in range(3)]
    client.force_login(operator)
    page = client.get(reverse("admin:traces_trace_change", args=[traces[0].id])).content.decode()
    assert f"{PUT}?ids={traces[0].id}" in page
    assert f'action="{PUT}"' in client.get(reverse("admin:traces_trace_changelist")).content.decode()
    client.post(PUT, {"ids": str(traces[0].id), "queue": str(queue.id)})
    assert queue.items.get().trace_id == traces[0].id
    asked = client.get(PUT, {"ids": "", "query": "since=7d"}).content.decode()
    assert "All traces that fit" in asked
    client.post(PUT, {"ids": "", "query": "since=7d", "queue": str(queue.id)})
    assert queue.items.count() == 3


def test_who_may_not_review_is_offered_nothing_and_other_teams_rows_stay_out(
    client: Client, app: Application, team: Team, operator: User, queue: ReviewQueue, django_assert_max_num_queries: Any
) -> None:
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    theirs = make_queue(wasps, name="Theirs", configs=[make_config(wasps)])
    foreign = make_turn(make_app(wasps, slug="nest"), "Foreign question?")
    own = make_turn(app, "Own question?")
    client.force_login(operator)
    with django_assert_max_num_queries(30):
        shown = client.get(PUT, {"ids": str(own.id)}).content.decode()
    assert "By hand" in shown
    assert "Theirs" not in shown
    answer = client.post(PUT, {"ids": f"{own.id},{foreign.id}", "queue": str(queue.id)}, follow=True)
    assert "One was left out" in answer.content.decode()
    assert [item.question for item in queue.items.all()] == ["Own question?"]
    client.post(PUT, {"ids": str(own.id), "queue": str(theirs.id)})
    assert not theirs.items.exists()
    client.force_login(person(team, "vera", Role.VIEWER))
    assert "There is no open queue" in client.get(PUT, {"ids": str(own.id)}).content.decode()
    client.post(PUT, {"ids": str(foreign.id), "queue": str(queue.id)})
    assert queue.items.count() == 1


def test_nothing_picked_and_addresses_elsewhere_are_answered_with_a_way_on(
    client: Client, app: Application, operator: User, queue: ReviewQueue
) -> None:
    client.force_login(operator)
    assert "Nothing is picked" in client.get(PUT).content.decode()
    turn = make_turn(app)
    answer = client.post(PUT, {"ids": str(turn.id), "queue": str(queue.id), "back": "https://evil.example/"})
    assert answer.headers["Location"] == reverse("admin:annotations_queue_overview", args=[queue.id])
    queue.is_open = False
    queue.save()
    refused = client.post(PUT, {"ids": str(turn.id), "queue": str(queue.id)}, follow=True)
    assert "This queue is closed." in refused.content.decode()


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_the_answers_of_a_queue_are_a_file_and_blind_reviewers_get_their_own(
    client: Client, team: Team, operator: User
) -> None:
    blind = make_queue(team, name="Blind", overlap=2, configs=[make_config(team, "=Right?")])
    make_items(blind, 1)
    ben, edna = person(team, "ben"), person(team, "edna", Role.EDITOR)
    answer(blind, operator, True)
    answer(blind, ben, False)
    address = reverse("admin:annotations_queue_scores", args=[blind.id, "jsonl"])
    seen = {}
    for user in (operator, edna):
        client.force_login(user)
        told = [orjson.loads(line) for line in content_of(client.get(address)).splitlines()]
        seen[user.username] = [(each["reviewer"], each["value"], each["input"]) for each in told]
    assert seen == {
        "olga": [("olga", True, "Question 0")],
        "edna": [("olga", True, "Question 0"), ("ben", False, "Question 0")],
    }
    table = content_of(client.get(address.replace("jsonl", "csv"))).decode()
    # A spreadsheet would calculate what begins with an equals sign.
    assert "'=Right?" in table
    assert client.get(address.replace("jsonl", "docx")).status_code == 404


def content_of(response: Any) -> bytes:
    async def whole() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return bytes(async_to_sync(whole)())
