"""The trace page in a real browser: by keyboard, on a phone, and with runs that attack their reader."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from tests.traces import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(databases=["default", "traces"], transaction=True)]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def page(server, client, operator) -> Iterator[Any]:
    """A page of a signed-in operator that fails the test on script errors and on violations of the policy."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium on PATH")
    from playwright.sync_api import sync_playwright

    client.force_login(operator)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(base_url=server, viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda entry: faults.append(entry.text) if entry.type in ("error", "warning") else None)
        yield page
        browser.close()
    assert faults == []


@pytest.fixture
def addresses(record) -> dict[str, str]:
    """Trace pages of told runs, written before the browser's own loop takes the thread."""
    told = {
        "chat": stories.retrieval_chat,
        "branching": stories.branching_run,
        "hostile": stories.hostile_chat,
        "chinese": stories.chinese_chat,
        "long": stories.long_run,
    }
    return {name: reverse("admin:traces_trace_change", args=[record(tell).id]) for name, tell in told.items()}


def opened(page: Any) -> str:
    return page.locator('.span-row[aria-selected="true"] .words').inner_text()


def shows(page: Any, name: str) -> None:
    page.wait_for_function("name => document.querySelector('.detail-title h2')?.textContent === name", arg=name)


def test_a_run_is_read_by_keyboard_alone(addresses, page):
    page.goto(addresses["chat"])
    assert opened(page) == "Answer from the passages"
    page.keyboard.press("k")
    page.keyboard.press("ArrowUp")
    shows(page, "Find passages")
    assert page.locator(".passage").count() == 3
    assert "span=" in page.url

    page.keyboard.press("j")
    page.keyboard.press("j")
    shows(page, "Answer from the passages")
    page.keyboard.press("t")
    assert page.locator('[data-tab][aria-selected="true"]').inner_text() == "Tokens"
    assert page.locator("#panel-tokens").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.hasAttribute('data-pane')")
    page.keyboard.press("?")
    assert page.locator("#key-sheet").get_by_text("Next error").is_visible()


def test_the_search_narrows_the_tree_and_takes_no_key_from_the_writer(addresses, page):
    page.goto(addresses["long"])
    page.keyboard.press("/")
    page.keyboard.type("step 77 ")
    assert page.locator(".spans > li:visible").count() == 1
    assert "1 found" in page.locator("[data-trace-found]").inner_text()
    page.keyboard.press("Enter")
    shows(page, "Step 77 of the pipeline")
    page.locator("[data-trace-search]").fill("no such step")
    assert page.locator("[data-nothing]").is_visible()
    page.locator("[data-trace-search]").fill("")
    page.locator("[data-trace-search]").blur()
    page.keyboard.press("e")
    shows(page, "Step 202 of the pipeline")


def test_a_run_is_read_by_mouse_and_a_reload_opens_the_same_span(addresses, page):
    page.goto(addresses["chat"])
    axis = page.locator(".trace-grid").bounding_box()
    page.mouse.move(axis["x"] + axis["width"] * 0.78 / 2, axis["y"] + 40)
    assert page.locator(".crosshair-time").inner_text() in ("769 ms", "770 ms", "771 ms", "772 ms")
    text = page.locator(".role-system .role-text")
    folded = text.bounding_box()["height"]
    page.locator(".role-system [data-unfold]").click()
    assert text.bounding_box()["height"] > folded
    page.locator('[data-tab="output"]').click()
    page.locator('[data-show="plain"]').click()
    assert page.locator('[data-view="plain"]').is_visible()
    page.get_by_role("treeitem").filter(has_text="Find passages").click()
    shows(page, "Find passages")
    page.reload()
    assert opened(page) == "Find passages"


def test_nothing_a_run_says_runs_in_the_readers_browser(addresses, page):
    """Model, user, document, node titles, error codes: each tries; the page shows all of it as text."""
    page.goto(addresses["hostile"])
    for row in page.locator(".span-row").all():
        row.click()
        page.wait_for_selector(f'[data-detail="{row.get_attribute("data-span")}"]')
        for tab in page.locator("[data-tab]").all():
            tab.click()
        assert page.evaluate("document.querySelectorAll('[data-trace] script, [data-trace] img').length") == 0
        assert page.evaluate("document.querySelectorAll('a[href^=\"javascript\"]').length") == 0
    assert page.title().startswith("<script>document.title")
    page.goto(reverse("admin:traces_trace_changelist"))
    assert "owned" not in page.title()
    assert page.locator("td script, td img").count() == 0


def test_nothing_is_wider_than_a_phone_and_every_pane_can_be_reached(addresses, page):
    page.set_viewport_size({"width": 375, "height": 720})
    for name in ("chat", "branching", "hostile", "chinese", "long"):
        page.goto(addresses[name])
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert page.locator(".detail-title h2").is_visible()
    page.goto(reverse("admin:traces_trace_changelist"))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_page_says_so_when_a_span_cannot_be_fetched(addresses, page):
    page.goto(addresses["branching"])
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    page.get_by_role("treeitem").filter(has_text="Classify the ticket").click()
    assert page.get_by_text("This span could not be loaded").is_visible()
