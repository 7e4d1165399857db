"""The sandbox's page in a real browser: nothing the policy refuses, fits a phone, refreshes without a reload."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from accounts.models import Membership, Role, Team, User
from tests.sandbox.django.test_page import FACTS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ADDRESS = "/admin/sandbox/health/"


@pytest.fixture
def superuser(transactional_db: None) -> User:
    user = User.objects.create_superuser("ada", password="a long enough password")
    Membership.objects.create(team=Team.objects.create(slug="bees", name="Bees"), user=user, role=Role.OWNER)
    return user


@pytest.fixture
def page(live_server: Any, superuser: User) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    client = Client()
    client.force_login(superuser)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
        cookie = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def test_the_page_fits_every_width_and_draws_its_columns(page: Page, sandbox: Callable[..., Any]):
    sandbox(FACTS)
    page.goto(ADDRESS)
    for width in (1440, 1024, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
    boxes = [column.bounding_box() for column in page.query_selector_all("rect.column")]
    heights = [box["height"] for box in boxes if box]
    assert len(heights) == 4
    assert heights[0] > 2 * heights[1] > 10
    assert page.get_attribute(".rail a[aria-current='page']", "href") == ADDRESS


def test_refresh_brings_new_numbers_and_leaves_open_what_was_open(page: Page, sandbox: Callable[..., Any]):
    wire = sandbox(FACTS)
    page.goto(ADDRESS)
    page.click(".fold summary")
    wire.usual.body["queue"] = {"waiting": 41, "running": 4, "bound": 64}
    page.click("[data-refresh]")
    page.get_by_text("41 waiting").wait_for()
    assert page.is_visible(".fold table")


def test_without_a_sandbox_the_page_leads_on(page: Page, settings: Any):
    settings.SANDBOX_URL = ""
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(ADDRESS)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.is_visible("text=How to get a sandbox")
