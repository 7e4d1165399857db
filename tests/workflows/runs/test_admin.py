"""Runs, conversations and apps in the admin: every page opens, nonsense is survived, teams see their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.workflows.models import Application, Conversation, Message, Run

MODELS = ("application", "version", "run", "conversation", "message")
NONSENSE = ["x", "0190e2a8-0000-7000-8000-000000000000", "'; DROP TABLE", "%", "é" * 300, "0", "a b c", '"']


def _turn(app: Application, *, query: str = "What?", status: str = "succeeded") -> Message:
    who = {"team": app.team, "application": app}
    conversation = Conversation.objects.create(**who, name=query, source="api", end_user="ada")
    run = Run.objects.create(
        **who,
        version=app.live,
        conversation=conversation,
        source="api",
        end_user="ada",
        query=query,
        status=status,
        error={"code": "boom", "message": "<b>Boom</b>"} if status == "failed" else None,
        outputs={"answer": ["<script>alert(1)</script>", {"deep": [1, None]}]},
        started_at=timezone.now(),
    )
    return Message.objects.create(**who, conversation=conversation, run=run, query=query, answer="<script>x</script>")


@pytest.fixture
def operator(client: Client, member: User) -> Client:
    """A signed-in member who may look at everything of workflows."""
    member.user_permissions.set(Permission.objects.filter(content_type__app_label="workflows"))
    client.force_login(member)
    return client


def _list(model: str) -> str:
    return reverse(f"admin:workflows_{model}_changelist")


def _detail(row: Any) -> str:
    return reverse(f"admin:workflows_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_every_list_and_every_page_opens_and_shows_text_as_text(
    operator: Client, make_app: Callable[..., Application]
) -> None:
    app = make_app()
    message = _turn(app, query="<script>alert(2)</script>", status="failed")
    for model in MODELS:
        response = operator.get(_list(model))
        assert response.status_code == 200, model
        assert "<script>alert(2)" not in response.text
    for row in (app, app.live, message, message.run, message.conversation):
        response = operator.get(_detail(row), follow=True)
        assert response.status_code == 200, row
        assert "<script>alert(" not in response.text
        assert "<b>Boom" not in response.text


@pytest.mark.parametrize("model", MODELS)
def test_nonsense_in_search_and_filters_is_survived(
    operator: Client, make_app: Callable[..., Application], model: str
) -> None:
    _turn(make_app())
    for text in NONSENSE:
        assert operator.get(_list(model), {"q": text}).status_code == 200, text
    assert operator.get(_list(model), {"q": "\x00"}).status_code == 400  # no text can hold it
    for query in ("status=nonsense", "application__id__exact=x", "o=99.-3", "p=x", "team__id__exact=x", "all=1"):
        assert operator.get(f"{_list(model)}?{query}").status_code in {200, 302, 400}, query
    for key in ("x", "0190e2a8-0000-7000-8000-000000000000"):
        url = reverse(f"admin:workflows_{model}_change", args=[key])
        assert operator.get(url).status_code in {302, 404}


def test_a_run_is_found_by_its_id_its_user_and_its_words(
    operator: Client, make_app: Callable[..., Application]
) -> None:
    app = make_app()
    wanted = _turn(app, query="About pollen")
    _turn(app, query="About wax")
    for text in (str(wanted.run_id), "pollen"):
        page = operator.get(_list("run"), {"q": text}).text
        assert "About pollen" in page
        assert "About wax" not in page
    assert "About wax" in operator.get(_list("run"), {"q": "ada"}).text


def test_rows_of_other_teams_are_invisible(operator: Client, make_app: Callable[..., Application]) -> None:
    foreign = Team.objects.create(slug="wasps", name="Wasps")
    Membership.objects.create(team=foreign, user=User.objects.create_user(username="eve"), role=Role.ADMIN)
    app = make_app()
    Application.objects.filter(id=app.id).update(team=foreign, name="Secret nest")
    app.refresh_from_db()
    message = _turn(app, query="Secret question")
    for model in MODELS:
        page = operator.get(_list(model), {"q": "Secret"}).text
        assert "Secret question" not in page
        assert "Secret nest" not in page
    for row in (app, app.live, message, message.run, message.conversation):
        assert operator.get(_detail(row)).status_code in {302, 404}


@pytest.mark.parametrize("model", MODELS)
def test_the_number_of_queries_does_not_grow_with_the_list(
    operator: Client, make_app: Callable[..., Application], model: str
) -> None:
    from django.db import connection

    app = make_app()

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            operator.get(_list(model))
        return len(queries)

    _turn(app)
    few = count()
    for number in range(20):
        _turn(app, query=f"Question {number}")
    assert count() <= few + 1
    assert few <= 32
