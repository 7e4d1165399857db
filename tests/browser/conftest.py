"""Members and visitors with a real Chromium on a real server; whatever its console complains of is a failure."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from accounts.models import Membership, Role, Team, User
from apps.workflows import services
from apps.workflows.dsl import dump
from apps.workflows.models import Application
from apps.workflows.pages.starters import starter_document
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.server import web_server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Long enough to be cut in the middle: 60 numbered words, about three seconds.
LONG_ANSWER = " ".join(f"word{number:02d}" for number in range(60))


def aside(work: Callable[[], Any]) -> Any:
    """Do something in a thread of its own: what starts an event loop cannot do so beside Playwright's."""

    def close_behind() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(close_behind).result()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's synchronous API runs a loop in this thread, which Django would take for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def model() -> Iterator[OpenAIServer]:
    """A model provider on the wire; it writes slowly unless a test scripts something else."""
    with OpenAIServer(default=Completion(LONG_ANSWER, pause=0.05)).in_thread() as provider:
        yield provider


@pytest.fixture(scope="session")
def _server_with_model(django_db_setup: None, model: OpenAIServer) -> Iterator[str]:
    names = json.dumps({"*": "openai/slow"})
    with web_server(OPENAI_API_KEY="k", OPENAI_BASE_URL=model.base_url, MODEL_MAP=names) as base:
        yield base


@pytest.fixture
def slow_server(transactional_db: None, _server_with_model: str) -> str:
    """A server whose model is the provider on the wire."""
    return _server_with_model


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="acme", name="Acme")


@pytest.fixture
def member(team: Team) -> User:
    user = User.objects.create_superuser("ada", password="a long enough password")
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def make_app(team: Team) -> Callable[..., Application]:
    """Make a published app from a starter, with its document changed as wanted."""

    def make(starter: str = "chat", *, name: str = "Helper", public: bool = False, **changes: Any) -> Application:
        document = {**starter_document(starter, name=name), **changes}
        application, _saved = services.import_document(text=dump(document), team_id=team.id)
        services.set_public(application, is_public=public)
        return application

    return make


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a server, as a signed-in user or a stranger; at the end nothing may have been complained of."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_it(
        server: str, path: str, *, user: User | None = None, width: int = 1280, expected: str = r"(?!)"
    ) -> Page:
        context = browser.new_context(
            base_url=server, viewport={"width": width, "height": 800}, reduced_motion="reduce"
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}])
        page = context.new_page()
        page.set_default_timeout(15_000)

        def complain(text: str) -> None:
            if not re.search(expected, text):
                complaints.append(f"{page.url}: {text}")

        page.on("console", lambda message: complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
