"""Take the pictures of the README and the handbook from a running installation with the demo content.

    python docs/images/take.py http://127.0.0.1:8000 PASSWORD

It asks the demo app, so the pictures show what anybody gets. Needs Chromium on PATH, and pngquant to make them small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

HERE = Path(__file__).resolve().parent
SIZE = {"width": 1440, "height": 860}
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
    """From the dashboard to causes by keys alone, where there is a slow run and an answer that did not help."""
    for key, name in (("s", "walk-slow"), ("d", "walk-wrong")):
        page.goto("/admin/traces/dashboard/")
        page.keyboard.press(key)
        if page.locator("[data-line]:focus").count() == 0:
            print(f"{name}: nothing to look at")
            continue
        page.keyboard.press("Enter")
        expect(page.locator(".detail-title h2")).to_be_visible()
        if key == "d":
            take(page, name)
            page.get_by_role("treeitem").filter(has_text="Find passages").first.click()
            expect(page.locator(".passages")).to_be_visible()
            name = "walk-passages"
        take(page, name)


def pictures(browser: Browser, base: str, password: str) -> None:
    """The chat with an opened source, its trace, its review, and the dashboard."""
    page = browser.new_context(base_url=base, viewport=SIZE, color_scheme="light", reduced_motion="reduce").new_page()
    page.goto("/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/apps/ask-the-handbook/playground/")
    ask(page, FIRST)
    ask(page, SECOND)
    page.locator(".turn-app").last.locator(".bubble button.cite").first.click()
    take(page, "chat")
    page.goto("/admin/traces/trace/")
    page.get_by_role("link", name=SECOND).first.click()
    page.wait_for_selector("[data-trace][data-ready]")
    take(page, "trace")
    page.locator(".trace-top details.menu > summary").click()
    page.get_by_role("menuitem", name="Open the conversation").click()
    page.wait_for_selector("[data-talk][data-ready]")
    take(page, "conversation")
    page.go_back()
    page.get_by_role("link", name="Review this answer").click()
    page.get_by_label("The answer it should have been").fill(CORRECTED)
    expect(page.locator("[data-diff] ins").first).to_be_visible()
    take(page, "review")
    page.goto("/admin/traces/dashboard/")
    take(page, "dashboard")
    walk(page)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        pictures(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), *sys.argv[1:3])
