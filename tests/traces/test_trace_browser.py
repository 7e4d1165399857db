"""The trace page in a real browser: by keyboard, on a phone, and with runs that attack their reader."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from support.trace_context import span_of_step
from tests.traces import elsewhere, stories

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
def called(record) -> str:
    """The page of a run that called two others, whose questions are long."""
    first = record()
    caller = f"00-{first.id.hex}-{span_of_step(first.id, '', 'find')}-01"
    for _ in range(2):
        record(traceparent=caller, query="How long may a question about honey be before it fits no phone? " * 3)
    return reverse("admin:traces_trace_change", args=[first.id])


@pytest.fixture
def addresses(record, team) -> dict[str, str]:
    """Trace pages of told runs, written before the browser's own loop takes the thread."""
    told = {
        "chat": stories.retrieval_chat,
        "branching": stories.branching_run,
        "hostile": stories.hostile_chat,
        "chinese": stories.chinese_chat,
        "long": stories.long_run,
        "loop": elsewhere.looping,
    }
    traces = {name: record(tell) for name, tell in told.items()}
    traces["odd"] = elsewhere.odd_trace(team.id)
    return {name: reverse("admin:traces_trace_change", args=[trace.id]) for name, trace in traces.items()}


def go(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("[data-trace][data-ready]")


def opened(page: Any) -> str:
    """The name in the chosen row, as it was given (the page writes its first letter large)."""
    return page.locator('.span-row[aria-selected="true"] .words').get_attribute("title")


def shows(page: Any, name: str) -> None:
    page.wait_for_function("name => document.querySelector('.detail-title h2')?.textContent === name", arg=name)


def test_a_run_is_read_by_keyboard_alone(addresses, page):
    go(page, addresses["chat"])
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
    assert page.locator('[data-tab][aria-selected="true"]').inner_text() == "Tokens and cost"
    assert page.locator("#panel-tokens").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.hasAttribute('data-pane')")
    page.keyboard.press("h")
    shows(page, "Ask the handbook")
    page.keyboard.press("h")
    assert page.locator(".span-row").count() == 1
    page.keyboard.press("l")
    assert page.locator(".span-row").count() == 7
    page.keyboard.press("s")
    shows(page, "Answer from the passages")
    page.keyboard.press("?")
    assert page.locator("#key-sheet").get_by_text("Next error").is_visible()


def test_each_way_of_looking_has_a_key_and_an_address(addresses, page):
    go(page, addresses["odd"])
    page.keyboard.press("2")
    assert "view=waterfall" in page.url
    strip = page.locator("[data-overview]").bounding_box()
    page.mouse.move(strip["x"] + strip["width"] * 0.2, strip["y"] + 20)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] * 0.4, strip["y"] + 20, steps=3)
    page.mouse.up()
    page.locator("[data-ruler] text").filter(has_text="2 s").first.wait_for()
    assert page.locator("[data-ruler] text").filter(has_text="8 s").count() == 0
    page.keyboard.press("0")
    page.locator("[data-ruler] text").filter(has_text="8 s").wait_for()

    page.keyboard.press("3")
    box = page.locator(".drawing-box").filter(has_text="no personal data")
    box.click()
    shows(page, "no personal data")
    page.keyboard.press("4")
    line = page.locator(".log-line").filter(has_text="card refused")
    line.click()
    shows(page, "book")
    page.locator("[data-trace-search]").fill("personal")
    page.wait_for_function("() => document.querySelectorAll('.log-line').length === 2")
    page.reload()
    page.locator(".log-line").first.wait_for()
    assert page.locator('[data-view-tab="log"]').get_attribute("aria-selected") == "true"


def test_what_is_odd_is_said_with_a_word(addresses, page):
    go(page, addresses["odd"])
    for name, words in (("lost and found", "Parent missing"), ("chicken", "Circle cut"), ("warm up", "Clock differs")):
        row = page.get_by_role("treeitem").filter(has_text=name)
        assert words in row.inner_text()
        row.click()
        shows(page, name)
        assert page.locator(".span-detail .notice.tone-warning").count() == 1
    assert "No end" in page.get_by_role("treeitem").filter(has_text="never came back").inner_html()


def test_what_repeats_is_one_row_until_somebody_unfolds_it(addresses, page):
    go(page, addresses["odd"])
    group = page.get_by_role("treeitem").filter(has_text="× 6")
    assert page.locator('.span-row [title="search 3"]').count() == 0
    group.locator("[data-twist]").click()
    assert page.locator('.span-row [title="search 3"]').count() == 1
    go(page, addresses["loop"])
    assert opened(page) == "Summarise [202]"  # the failed one, in sight among 300 rounds
    assert page.locator('.span-row[aria-selected="true"]').is_visible()
    page.keyboard.press("Shift+X")
    assert page.locator(".span-row").count() < 10
    assert page.locator(".span-row").filter(has_text="1 failed").count() <= 1


def test_the_search_narrows_the_tree_looks_into_values_and_takes_no_key_from_the_writer(addresses, page):
    go(page, addresses["long"])
    page.keyboard.press("/")
    page.keyboard.type("step 77 ")
    page.wait_for_function("() => document.querySelectorAll('.span-row').length === 1")
    assert "1 found" in page.locator("[data-trace-found]").inner_text()
    page.keyboard.press("Enter")
    shows(page, "Step 77 of the pipeline")
    search = page.locator("[data-trace-search]")
    search.fill("summary 43")
    page.wait_for_function("() => document.querySelector('.span-row .words')?.title === 'Step 44 of the pipeline'")
    search.fill("no such step")
    page.locator("[data-nothing]").wait_for()
    search.fill("")
    search.blur()
    page.keyboard.press("e")
    shows(page, "Step 202 of the pipeline")


def test_a_run_is_read_by_mouse_and_a_reload_opens_the_same_span(addresses, page):
    go(page, addresses["chat"])
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
    page.wait_for_selector("[data-trace][data-ready]")
    assert opened(page) == "Find passages"


def test_nothing_a_run_says_runs_in_the_readers_browser(addresses, page):
    """Model, user, document, node titles, error codes: each tries; the page shows all of it as text."""
    go(page, addresses["hostile"])
    for span in page.eval_on_selector_all(".span-row", "rows => rows.map(row => row.dataset.span)"):
        page.locator(f'.span-row[data-span="{span}"]').click()
        page.wait_for_selector(f'[data-detail="{span}"]')
        for tab in page.locator("[data-tab]").all():
            tab.click()
        assert page.evaluate("document.querySelectorAll('[data-trace] script, [data-trace] img').length") == 0
        assert page.evaluate("document.querySelectorAll('a[href^=\"javascript\"]').length") == 0
    for key, drawn in (("2", ".overview-bar"), ("3", ".drawing-box"), ("4", ".log-line")):
        page.keyboard.press(key)
        page.locator(drawn).first.wait_for(state="attached")
        assert page.evaluate("document.querySelectorAll('[data-trace] script, [data-trace] img').length") == 0
    assert page.title().startswith("<script>document.title")
    page.goto(reverse("admin:traces_trace_changelist"))
    assert "owned" not in page.title()
    assert page.locator("td script, td img").count() == 0


def test_nothing_is_wider_than_a_phone_and_every_pane_can_be_reached(addresses, page):
    page.set_viewport_size({"width": 375, "height": 720})
    for name in ("chat", "branching", "hostile", "chinese", "long", "odd"):
        go(page, addresses[name])
        for key in "1234":
            page.keyboard.press(key)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (name, key)
        assert page.locator(".detail-title h2").is_visible()
    page.goto(reverse("admin:traces_trace_changelist"))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_page_says_so_when_a_span_cannot_be_fetched(addresses, page):
    go(page, addresses["branching"])
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    page.get_by_role("treeitem").filter(has_text="Classify the ticket").click()
    page.get_by_text("This span could not be loaded").wait_for()
    page.keyboard.press("4")
    page.get_by_text("This could not be loaded").wait_for()


def test_ten_thousand_spans_are_there_with_few_rows_in_the_page(server, team, page):
    from tests.browser.conftest import aside

    trace = aside(lambda: elsewhere.big_trace(team.id))
    go(page, reverse("admin:traces_trace_change", args=[trace.id]))
    assert "10,000 spans" in page.locator("[data-trace-found]").inner_text()
    assert page.locator('.span-row[aria-selected="true"]').is_visible()
    for _ in range(5):
        page.evaluate("document.querySelector('[data-scroller]').scrollTop += 40_000")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        assert 20 < page.locator(".span-row").count() < 120
    page.locator("[data-trace-search]").fill("needle 4321")
    page.wait_for_function("() => document.querySelectorAll('.span-row').length === 1")


def test_two_traces_are_compared_step_by_step(addresses, record, page):
    from tests.browser.conftest import aside

    other = aside(lambda: record(stories.broken_stream))
    page.goto(addresses["chat"].replace("change", "compare") + f"?with={other.id}")
    step = page.locator(".compare-fold").filter(has_text="Answer from the passages")
    step.locator("summary").click()
    step.locator(".diff").first.wait_for()
    assert step.locator("del").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_enter_follows_a_link_and_opens_a_row(addresses, page):
    go(page, addresses["chat"])
    page.locator("[data-spans] [role=treeitem]").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('[data-pane], [data-pane] *')")
    page.locator(".trace-top").get_by_role("link", name="Traces").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('admin:traces_trace_changelist')}**")


def test_calls_between_traces_fit_a_phone(called, page):
    page.set_viewport_size({"width": 375, "height": 780})
    go(page, called)
    assert page.locator("[data-called]").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 375
