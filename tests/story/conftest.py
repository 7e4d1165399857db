"""One installation for the whole story, and a Chromium whose complaints fail the step that caused them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.story.installation import Installation, running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OpenBrowser = Callable[..., Page]
PATIENCE_MS = 20_000  # what takes a second here takes longer where other tests run beside it


class Complaints:
    """What the pages wrote to the console as errors. A step that provokes one names it with `expect`."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Such a line is no fault in this step."""
        self._expected.append(pattern)

    def watch(self, page: Page) -> None:
        """Take the errors of a page."""
        page.on("console", self._take)
        page.on("pageerror", lambda error: self._keep(page.url, str(error)))

    def _take(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._keep(message.location.get("url", ""), message.text)

    def _keep(self, where: str, text: str) -> None:
        self.found.append(f"{where}: {text}")

    def settle(self) -> list[str]:
        """The complaints since the last call that nobody expected."""
        expected, self._expected = self._expected, []
        found, self.found = self.found, []
        return [line for line in found if not any(re.search(pattern, line) for pattern in expected)]


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the documents of the story."""
    return tmp_path_factory.mktemp("papers")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`manage.py up` with its own PostgreSQL, Redis, worker and web server."""
    with running(tmp_path_factory.mktemp("up") / "data") as it:
        yield it


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def _complaints() -> Complaints:
    return Complaints()


@pytest.fixture(autouse=True)
def complaints(_complaints: Complaints) -> Iterator[Complaints]:
    """Every step ends without a complaint of the browser."""
    yield _complaints
    assert _complaints.settle() == []


@pytest.fixture(scope="module")
def new_browser(chromium: Browser, installation: Installation, _complaints: Complaints) -> Iterator[OpenBrowser]:
    """Open a page in a browser profile of its own: without cookies, as somebody new."""
    contexts: list[BrowserContext] = []

    def open_it(*, width: int = 1280, height: int = 900, signed_in: bool = False) -> Page:
        context = chromium.new_context(
            base_url=installation.base, viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        _complaints.watch(page)
        if signed_in:
            sign_in(page, installation)
        return page

    yield open_it
    for context in contexts:
        context.close()


def sign_in(page: Page, installation: Installation) -> None:
    """Through the form, as a person does."""
    page.goto("/login/")
    page.get_by_label("Username").fill(installation.user)
    page.get_by_label("Password").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/$"))


_broken: dict[str, str] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember which step broke the story of a module that is marked as one."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed and item.get_closest_marker("one_story"):
        _broken.setdefault(item.path.name, item.name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The steps after a broken one cannot be told."""
    if item.get_closest_marker("one_story") and (broken := _broken.get(item.path.name)):
        pytest.skip(f"the story broke at {broken}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "one_story: its tests are steps; a broken step ends the story")
