"""Annotations over the service API."""

from __future__ import annotations

import uuid

import pytest

from accounts.models import Team
from apps.annotations.models import Annotation
from tests.annotations.conftest import QUESTION, RIGHT, make_app
from tests.annotations.test_feedback import bearer

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/v1/apps/annotations"


def test_an_annotation_is_made_listed_changed_and_removed_and_answers_meanwhile(client, app, ask):
    headers = bearer(app)
    body = {"question": QUESTION, "answer": "Weekly."}
    made = client.post(URL, body, content_type="application/json", headers=headers)
    assert made.status_code == 201
    item = made.json()
    assert (item["question"], item["answer"], item["hit_count"]) == (QUESTION, "Weekly.", 0)
    assert ask(app, QUESTION).text == "Weekly."

    listed = client.get(URL, {"keyword": "HIVE", "limit": 1}, headers=headers).json()
    assert (listed["data"], listed["total"], listed["has_more"], listed["page"]) == ([item], 1, False, 1)
    assert client.get(URL, {"keyword": "wasp"}, headers=headers).json()["data"] == []

    changed = {"question": "When do bees swarm?", "answer": RIGHT}
    address = f"{URL}/{item['id']}"
    assert client.put(address, changed, content_type="application/json", headers=headers).json()["answer"] == RIGHT
    assert ask(app, QUESTION) is None
    assert ask(app, "when do bees swarm").text == RIGHT

    assert client.delete(address, headers=headers).status_code == 204
    assert ask(app, "When do bees swarm?") is None


def test_an_annotation_of_another_app_does_not_exist(client, app):
    other = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps")
    body = {"question": QUESTION, "answer": RIGHT}
    made = client.post(URL, body, content_type="application/json", headers=bearer(other)).json()
    headers = bearer(app)
    assert client.get(URL, headers=headers).json()["total"] == 0
    for identifier in (made["id"], uuid.uuid4()):
        address = f"{URL}/{identifier}"
        assert client.put(address, body, content_type="application/json", headers=headers).status_code == 404
        assert client.delete(address, headers=headers).status_code == 404
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{}, {"question": QUESTION}, {"question": " ", "answer": "x"}, {"question": 1, "answer": 2}]
)
def test_an_annotation_needs_both_texts(client, app, body):
    answer = client.post(URL, body, content_type="application/json", headers=bearer(app))
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_param"
    assert not Annotation.objects.exists()


def test_the_list_comes_in_pages(client, app):
    headers = bearer(app)
    for number in range(5):
        body = {"question": f"Question {number}?", "answer": "Yes."}
        client.post(URL, body, content_type="application/json", headers=headers)
    second = client.get(URL, {"page": 2, "limit": 2}, headers=headers).json()
    assert [row["question"] for row in second["data"]] == ["Question 2?", "Question 1?"]
    assert second["has_more"] is True
    assert client.get(URL, {"page": 0}, headers=headers).status_code == 400
