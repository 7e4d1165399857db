"""Taking items out of queues: what goes is named first, what nobody touched can be put back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team, User
from apps.annotations.models import QueueItem, ReviewQueue, Score
from apps.annotations.services.claiming import claim_next
from apps.workflows.models import Application
from tests.annotations.conftest import make_turn
from tests.annotations.test_queues import answer, make_config, make_items, make_queue, person

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
PUT = "/admin/annotations/reviewqueue/put/"


@pytest.fixture
def queue(team: Team) -> ReviewQueue:
    return make_queue(team, name="By hand", feed="hand")


def words_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def take_out(queue: ReviewQueue) -> str:
    return reverse("admin:annotations_queue_take_out", args=[queue.id])


def link(response: Any, label: str) -> str:
    """The address behind a word of a message."""
    found = re.search(rf'<a href="([^"]+)">{label}</a>', response.content.decode())
    assert found is not None, response.content.decode()
    return found[1].replace("&amp;", "&")


def test_what_was_put_in_is_taken_out_again_and_put_back(
    client: Client, app: Application, operator: User, queue: ReviewQueue
) -> None:
    client.force_login(operator)
    before, *turns = [make_turn(app, f"Question {number}?") for number in range(3)]
    client.post(PUT, {"ids": str(before.id), "queue": str(queue.id)}, follow=True)
    body = {"ids": ",".join(str(turn.id) for turn in (before, *turns)), "queue": str(queue.id)}
    undo = link(client.post(PUT, body, follow=True), "Take out again")
    named = words_of(client.get(undo))
    assert "2 items of “By hand”" in named
    assert "Question 1?" in named
    assert "Question 0?" not in named
    assert queue.items.count() == 3
    # What goes is what was named, whatever has come in since.
    shown = re.search(r'name="items" value="([^"]+)"', named)
    assert shown is not None
    done = client.post(undo, {"items": shown[1]}, follow=True)
    assert "2 items left the queue." in words_of(done)
    assert [item.question for item in queue.items.all()] == ["Question 0?"]
    back = link(done, "Put back")
    assert f'value="{queue.id}" required checked' in words_of(client.get(back))
    client.post(PUT, body)
    assert queue.items.count() == 3


def test_the_work_of_people_is_named_and_takes_the_right_to_set_up_queues(
    client: Client, team: Team, operator: User, queue: ReviewQueue
) -> None:
    make_items(queue, 2)
    answer(queue, operator, True)
    item = QueueItem.objects.get(submitted=1)
    client.force_login(operator)
    asked = words_of(client.get(take_out(queue), {"items": str(item.id)}))
    assert "One review of a person goes with it, for good." in asked
    assert "only those who set up queues take them out" in asked
    assert "button-danger" not in asked
    refused = client.post(take_out(queue), {"items": str(item.id)}, follow=True)
    assert "only those who set up queues take them out" in words_of(refused)
    assert Score.objects.count() == 1
    client.force_login(person(team, "edna", Role.EDITOR))
    page = client.get(reverse("admin:annotations_queue_item", args=[queue.id, item.id])).content.decode()
    assert f"{take_out(queue)}?items={item.id}" in page
    done = client.post(take_out(queue), {"items": str(item.id)}, follow=True)
    assert "One item left the queue." in words_of(done)
    assert "Put back" not in words_of(done)
    assert (queue.items.count(), Score.objects.count()) == (1, 0)
    assert "There is nothing to take out" in words_of(client.get(take_out(queue), {"items": str(item.id)}))


def test_an_item_in_somebodys_hands_is_not_taken_from_them_by_a_reviewer(
    client: Client, team: Team, operator: User, queue: ReviewQueue
) -> None:
    make_items(queue, 1)
    claim_next(queue, by=person(team, "ben"))
    client.force_login(operator)
    asked = words_of(client.get(take_out(queue), {"items": str(QueueItem.objects.get().id)}))
    assert "Somebody has one of them open just now." in asked
    client.post(take_out(queue), {"items": str(QueueItem.objects.get().id)})
    assert queue.items.count() == 1


def test_nobody_takes_items_out_of_other_queues(client: Client, team: Team, queue: ReviewQueue, operator: User) -> None:
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    theirs = make_queue(wasps, name="Theirs", configs=[make_config(wasps)])
    make_items(theirs, 1)
    foreign = theirs.items.get()
    client.force_login(operator)
    assert client.get(take_out(theirs), {"items": str(foreign.id)}).status_code == 404
    client.post(take_out(queue), {"items": str(foreign.id)})
    assert theirs.items.count() == 1
    moments = {"since": "now", "until": "2026-02-31T99:00"}
    for odd in ({"items": "no-id"}, moments, {"since": "2026-01-01", "until": "x"}):
        assert "nothing to take out" in words_of(client.get(take_out(queue), odd))
    client.force_login(person(team, "vera", Role.VIEWER))
    assert client.get(take_out(queue)).status_code == 403
