"""A chat page as its reader uses it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def send(page: Page, query: str) -> Locator:
    """Write a question and send it; the place of its answer."""
    before = page.locator(".turn-app").count()
    page.get_by_label("Message", exact=True).fill(query)
    page.keyboard.press("Enter")
    expect(page.locator(".turn-app")).to_have_count(before + 1)
    return page.locator(".turn-app").nth(before)


def ask(page: Page, query: str) -> Locator:
    """Write a question, send it and wait until its answer has ended; the answer."""
    expect(page.locator("[data-loading]")).to_be_hidden()
    answer = send(page, query)
    expect(answer.locator(".turn-tools")).to_be_visible()
    return answer


def last_answer(page: Page) -> Locator:
    """The newest answer, once it has ended."""
    answer = page.locator(".turn-app").last
    expect(answer.locator(".turn-tools")).to_be_visible()
    return answer
