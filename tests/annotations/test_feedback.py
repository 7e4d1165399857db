"""Feedback from programs, visitors and members."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts.models import Team, User
from accounts.services import create_api_key
from apps.annotations import selectors, services
from apps.annotations.models import Feedback
from apps.workflows.models import Application
from support.errors import InvalidInput
from tests.annotations.conftest import make_app, make_turn

pytestmark = pytest.mark.django_db


def bearer(app: Application, **more: Any) -> dict[str, str]:
    _key, secret = create_api_key(team_id=app.team_id, subject_kind="app", subject_id=app.id, **more)
    return {"Authorization": f"Bearer {secret}"}


def rate(client: Client, turn: Any, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return client.post(f"/v1/messages/{turn.id}/feedbacks", body, content_type="application/json", headers=headers)


def test_a_change_of_mind_replaces_the_verdict_and_keeps_the_history(client, app):
    turn, headers = make_turn(app), bearer(app)
    for rating in ("like", "dislike", "dislike"):
        assert rate(client, turn, {"rating": rating, "user": "ada"}, headers).json() == {"result": "success"}
    assert [(row.rating, row.is_current) for row in selectors.feedback_history(turn.id)] == [
        ("dislike", True),
        ("like", False),
    ]
    assert selectors.feedback_of([turn.id], end_user="ada") == {turn.id: "dislike"}
    assert rate(client, turn, {"rating": None, "user": "ada"}, headers).status_code == 200
    assert selectors.feedback_of([turn.id], end_user="ada") == {}
    assert Feedback.objects.count() == 2


def test_only_the_end_user_of_the_message_may_rate_it(client, app):
    turn, headers = make_turn(app), bearer(app)
    other = make_turn(make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps"))
    public = make_turn(app, source="public", end_user="ada")
    for target, user, status in [(turn, "ada", 200), (turn, "bob", 404), (other, "ada", 404), (public, "ada", 404)]:
        assert rate(client, target, {"rating": "like", "user": user}, headers).status_code == status
    assert Feedback.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"rating": "great", "user": "ada"},
        {"rating": "like"},
        {"rating": 1, "user": "ada"},
        {"rating": "like", "user": 7},
    ],
)
def test_a_bad_verdict_gets_a_clear_answer(client, app, body):
    answer = rate(client, make_turn(app), body, bearer(app))
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_param"


def test_a_key_needs_the_scope(client, app):
    turn = make_turn(app)
    body = {"rating": "like", "user": "ada"}
    assert rate(client, turn, body, bearer(app, scopes=["chat"])).status_code == 403
    assert rate(client, turn, body, {}).status_code == 401
    assert rate(client, turn, body, bearer(app, scopes=["feedback"])).status_code == 200


def test_the_apps_feedback_is_listed_with_what_people_wrote(client, app, operator):
    turn, headers = make_turn(app), bearer(app)
    rate(client, turn, {"rating": "dislike", "user": "ada", "content": "It is weekly."}, headers)
    services.record_feedback(turn, rating="like", source="admin", user=operator)
    data = client.get("/v1/app/feedbacks", headers=headers).json()["data"]
    assert [(row["rating"], row["content"], row["from_source"]) for row in data] == [
        ("like", "", "admin"),
        ("dislike", "It is weekly.", "user"),
    ]
    assert data[1]["conversation_id"] == str(turn.conversation_id)


def test_a_visitor_rates_an_answer_of_their_own_only(client, app):
    mine = make_turn(app, source="public", end_user="visitor-1")
    foreign = make_turn(app, source="public", end_user="visitor-2")
    client.cookies["skep_visitor"] = signing.dumps("visitor-1", salt="skep.visitor")
    body = {"rating": "dislike", "reason": "outdated", "text": "That was last year."}
    assert client.post(f"/feedback/{mine.id}/", body, content_type="application/json").json()["rating"] == "dislike"
    assert client.post(f"/feedback/{foreign.id}/", body, content_type="application/json").status_code == 404
    given = Feedback.objects.get()
    assert (given.reason, given.text, given.source, given.end_user) == (
        "outdated",
        "That was last year.",
        "public",
        "visitor-1",
    )


def test_a_member_rates_in_the_playground_and_a_stranger_does_not(client, app, operator):
    turn = make_turn(app, source="console", end_user="olga")
    body = {"rating": "like"}
    assert client.post(f"/feedback/{turn.id}/", body, content_type="application/json").status_code == 404
    client.force_login(User.objects.create_user(username="stranger"))
    assert client.post(f"/feedback/{turn.id}/", body, content_type="application/json").status_code == 404
    client.force_login(operator)
    assert client.post(f"/feedback/{turn.id}/", body, content_type="application/json").status_code == 200
    assert Feedback.objects.get().user == operator


def test_a_page_of_another_site_cannot_rate_for_a_visitor(app):
    turn = make_turn(app, source="public", end_user="visitor-1")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["skep_visitor"] = signing.dumps("visitor-1", salt="skep.visitor")
    assert strict.post(f"/feedback/{turn.id}/", {"rating": "like"}, content_type="application/json").status_code == 403


def test_feedback_needs_a_person(app):
    with pytest.raises(InvalidInput):
        services.record_feedback(make_turn(app), rating="like", source="api")
