"""The lists in a real browser: with the keyboard alone, on a phone, without script errors or policy breaches."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.traces import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(databases=["default", "traces"], transaction=True)]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LIST = "/admin/traces/trace/"


@pytest.fixture
def page(server, client, operator, record) -> Iterator[Any]:
    """The page of a signed-in operator with some traces; it fails the test on script errors and policy breaches."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    from playwright.sync_api import sync_playwright

    for tell in (stories.retrieval_chat, stories.broken_stream, stories.hostile_chat, stories.chinese_chat):
        record(tell)
    client.force_login(operator)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(base_url=server, viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda entry: faults.append(entry.text) if entry.type in ("error", "warning") else None)
        yield page
        browser.close()
    assert faults == []


def test_a_trace_is_found_picked_and_opened_by_keyboard_alone(page):
    page.goto(LIST)
    for key in ("j", "j", "k", "x"):
        page.keyboard.press(key)
    assert page.locator("[data-picked-count]").inner_text() == "1 picked"
    page.keyboard.press("x")
    assert page.locator("[data-picked]").is_hidden()

    page.keyboard.press("f")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.keyboard.press("j")  # the row had the focus before: its keys work again
    assert page.locator("tr[data-here]").count() == 1

    page.keyboard.press("/")
    page.keyboard.type("notice period")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=notice*")
    assert page.locator("tr[data-row]").count() == 1
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")
    assert "notice period" in page.locator("h1").inner_text()


def test_a_range_is_chosen_and_kept_as_a_view_by_keyboard_alone(page):
    page.goto(LIST)
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    page.wait_for_url("**since=15m*")
    page.get_by_role("button", name="Save view").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Just now")
    page.keyboard.press("Enter")
    page.wait_for_url("**view=*")
    assert page.locator('.views .tab[aria-current="page"]').inner_text() == "Just now"


def test_typing_in_a_chip_sets_its_filter(page):
    page.goto(LIST)
    page.get_by_text("Slower than", exact=True).click()
    page.locator('input[name="slower"]').fill("20000")
    page.keyboard.press("Enter")
    page.wait_for_url("**slower=20000*")
    assert page.locator("tr[data-row]").count() == 1


def test_a_phone_shows_rows_as_cards_and_scrolls_in_one_direction_only(page):
    page.set_viewport_size({"width": 375, "height": 812})
    page.goto(LIST)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.locator("[data-pick]").first.check()
    assert page.locator("[data-picked]").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_every_control_has_a_name(page):
    page.goto(LIST)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main :is(a, button, input:not([type=hidden]), summary)')]
        .filter((each) => !(each.textContent.trim() || each.getAttribute('aria-label') || each.labels?.length
          || each.querySelector('[aria-label], title')))
        .map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
