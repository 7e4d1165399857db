"""Take the pictures of the README and the handbook from a running installation with the demo content.

    python docs/images/take.py http://127.0.0.1:8000 PASSWORD

It asks the demo app, marks an answer as bad and sends the trace of a slow program, so the pictures show what anybody
gets. Take them on a fresh installation. Needs Chromium on PATH, and pngquant to make them small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from sent import send

HERE = Path(__file__).resolve().parent
SIZE = {"width": 1440, "height": 860}
#: A busy machine takes its time.
PATIENCE_MS = 90_000
FIRST = "How do I reconnect to the API after a lost connection?"
SECOND = "How can I correct an answer?"
CORRECTED = (
    "Open the answer for review from its trace or its conversation, change the text and approve it. "
    "From then on the same question is answered with your text, without asking a model, and marked as reviewed. [2]"
)


def ask(page: Page, question: str) -> None:
    """A whole turn of the conversation."""
    before = page.locator(".turn-app").count()
    page.get_by_label("Message", exact=True).fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".turn-app").nth(before).locator(".turn-tools")).to_be_visible()


def mark_as_bad(page: Page) -> None:
    """Say of the last answer what was wrong with it."""
    turn = page.locator(".turn-app").last
    turn.get_by_role("button", name="Bad answer").click()
    turn.locator(".turn-reasons label").first.click()
    turn.get_by_placeholder("What should it have said?").fill("It should say where the button is.")
    turn.get_by_role("button", name="Send feedback").click()
    expect(page.locator(".toast")).to_be_visible()


def slow_program(page: Page, base: str) -> None:
    """Make a key for a program elsewhere, and let it send the trace of a slow run."""
    page.goto("/opentelemetry/")
    page.get_by_label("Name").fill("Weather assistant")
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator(".secret-notice [data-copy]").get_attribute("data-copy")
    assert secret
    send(base, secret)


def take(page: Page, name: str) -> None:
    """One picture, with as few colours as nobody misses."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    if tool := shutil.which("pngquant"):
        subprocess.run([tool, "--force", "--quality", "80-98", "--strip", "--output", path, path], check=True)
    print(f"{path.relative_to(HERE.parents[1])}  {path.stat().st_size // 1024} KB")


def walk(page: Page) -> None:
    """From the dashboard to the causes by keys alone: of a slow run, and of an answer that did not help."""
    for key, name in (("s", "walk-slow"), ("d", "walk-wrong")):
        page.goto("/admin/traces/dashboard/")
        page.keyboard.press(key)
        expect(page.locator("[data-line]:focus")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator("[data-trace][data-ready] .detail-title h2")).to_be_visible()
        take(page, name)
    page.keyboard.press("k")
    expect(page.locator(".passages")).to_be_visible()
    take(page, "walk-passages")


def ways_of_looking(page: Page) -> None:
    """The trace of an answer as a tree and as a graph."""
    page.goto("/admin/traces/trace/")
    page.get_by_role("link", name=FIRST).first.click()
    page.wait_for_selector("[data-trace][data-ready]")
    take(page, "trace-tree")
    page.keyboard.press("3")
    expect(page.locator(".drawing")).to_be_visible()
    take(page, "trace-graph")


def pictures(browser: Browser, base: str, password: str) -> None:
    """The chat with an opened source, its trace, its review, and the dashboard."""
    page = browser.new_context(base_url=base, viewport=SIZE, color_scheme="light", reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto("/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/apps/ask-the-handbook/playground/")
    ask(page, FIRST)
    ask(page, SECOND)
    page.locator(".turn-app").last.locator(".bubble button.cite").first.click()
    take(page, "chat")
    page.keyboard.press("Escape")
    mark_as_bad(page)
    page.goto("/admin/traces/trace/")
    page.get_by_role("link", name=SECOND).first.click()
    page.wait_for_selector("[data-trace][data-ready]")
    take(page, "trace")
    page.locator(".trace-top details.menu > summary").click()
    page.get_by_role("menuitem", name="Open the conversation").click()
    page.wait_for_selector("[data-talk][data-ready]")
    take(page, "conversation")
    page.go_back()
    page.wait_for_selector("[data-trace][data-ready]")
    page.get_by_role("link", name="Review this answer").click()
    page.get_by_label("The answer it should have been").fill(CORRECTED)
    expect(page.locator("[data-diff] ins").first).to_be_visible()
    take(page, "review")
    ways_of_looking(page)
    slow_program(page, base)
    page.goto("/admin/traces/dashboard/")
    take(page, "dashboard")
    walk(page)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        pictures(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), *sys.argv[1:3])
