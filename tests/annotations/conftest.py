"""People, an app and its turns, as the annotations tests need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.workflows import hooks
from apps.workflows.models import Application, Conversation, Message, Run, Version
from apps.workflows.selectors.runs import run_info

QUESTION = "How often should I inspect a hive in spring?"
WRONG = "Inspect a hive once a year."
RIGHT = "Inspect a hive every 7 to 10 days in spring."


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def operator(team: Team) -> User:
    user = User.objects.create_user(username="olga", password="secret-olga", is_staff=True, first_name="Olga")
    Membership.objects.create(team=team, user=user, role=Role.OPERATOR)
    return user


@pytest.fixture
def app(team: Team) -> Application:
    return make_app(team, slug="handbook")


def make_app(team: Team, *, slug: str, features: dict[str, Any] | None = None) -> Application:
    app = Application.objects.create(team=team, slug=slug, name=slug.title(), is_public=True)
    document = {"skep": 1, "features": features or {}, "nodes": [], "edges": []}
    app.live = app.draft = Version.objects.create(application=app, number=1, document=document, digest=slug)
    app.save()
    return app


def make_turn(
    app: Application,
    query: str = QUESTION,
    answer: str = WRONG,
    *,
    source: str = "api",
    end_user: str = "ada",
    conversation: Conversation | None = None,
    metadata: dict[str, Any] | None = None,
    status: str = "normal",
) -> Message:
    """A finished turn of the app, with its run and conversation."""
    assert app.live is not None
    conversation = conversation or Conversation.objects.create(
        team=app.team, application=app, source=source, end_user=end_user, name=query[:40]
    )
    run = Run.objects.create(
        team=app.team,
        application=app,
        version=app.live,
        conversation=conversation,
        source=source,
        end_user=end_user,
        query=query,
        status="succeeded",
        started_at=timezone.now(),
    )
    return Message.objects.create(
        team=app.team,
        application=app,
        conversation=conversation,
        run=run,
        query=query,
        answer=answer,
        status=status,
        metadata=metadata or {},
        latency=1.25,
        input_tokens=312,
        output_tokens=28,
    )


def in_own_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, run on a thread of its own: a browser test already has a loop in this one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def ask() -> Callable[..., hooks.PreparedAnswer | None]:
    """What the registered answer sources say before a run of the app, as the runner asks them."""

    def prepared(app: Application, query: str, **features: Any) -> hooks.PreparedAnswer | None:
        info = run_info(make_turn(app, query, "").run_id)
        return in_own_loop(hooks.prepared_answer(replace(info, features=features)))

    return prepared
