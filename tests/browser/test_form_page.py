"""The page of a question that a letter's link leads to, as people without an account see it, wide and narrow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from accounts.services import create_api_key
from apps.workflows.models import Application, Wait
from tests.browser.conftest import aside

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]

FIELDS = [
    {"name": "note", "type": "paragraph", "label": "What should we tell the customer?", "required": True},
    {"name": "amount", "type": "number", "label": "Amount"},
    {"name": "way", "type": "select", "label": "How it is paid", "options": ["Bank transfer", "Card"]},
    {"name": "seen", "type": "boolean", "label": "I have seen the receipt"},
    {"name": "proof", "type": "files", "label": "Receipts"},
]
ASKING: dict[str, Any] = {
    "inputs": [],
    "nodes": [
        {"id": "start", "type": "start"},
        {
            "id": "ask",
            "type": "human-input",
            "config": {
                "form": "A customer wants **120 €** back.\n\n- Order 4711\n- The honey was late\n\nShall we pay?",
                "fields": FIELDS,
                "actions": [
                    {"id": "yes", "title": "Pay the refund", "style": "primary"},
                    {"id": "no", "title": "Refuse"},
                ],
                "timeout": "2d",
            },
        },
        {"id": "end", "type": "end", "config": {"outputs": {"said": "ask.action"}}},
    ],
    "edges": [
        {"from": "start", "to": "ask"},
        *({"from": "ask", "to": "end", "when": way} for way in ("yes", "no", "timeout")),
    ],
}


@pytest.fixture
def asked(slow_server: str, make_app: Callable[..., Application]) -> Wait:
    """A question that is open."""
    application = make_app("workflow", name="Refunds", **ASKING)
    _key, secret = create_api_key(team_id=application.team_id, subject_kind="app", subject_id=application.id)
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"inputs": {}, "user": "ada", "response_mode": "blocking"}
    httpx.post(f"{slow_server}/v1/workflows/run", json=body, headers=headers, timeout=30)
    return Wait.objects.get()


def fits(page: Page) -> bool:
    """Whether nothing of the page is wider than the screen."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return wide


def keep(page: Page, name: str) -> None:
    """A picture, where somebody wants to look at one."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", [375, 1280])
def test_a_stranger_answers_on_a_small_and_a_large_screen(
    slow_server: str, asked: Wait, open_page: OpenPage, width: int
) -> None:
    page = open_page(slow_server, f"/forms/{asked.token}/", width=width, expected="422|410")
    expect(page.get_by_role("heading", name="Your answer is needed")).to_be_visible()
    expect(page.locator(".form-question strong")).to_have_text("120 €")
    assert fits(page)
    keep(page, f"form-{width}")
    page.emulate_media(color_scheme="dark")
    keep(page, f"form-{width}-dark")
    page.get_by_label("What should we tell the customer?").fill(" ")
    page.get_by_role("button", name="Pay the refund").click()
    expect(page.locator(".field-error")).to_have_count(1)
    keep(page, f"form-{width}-faults")
    page.get_by_label("What should we tell the customer?").fill("Sorry!")
    page.get_by_label("Receipts").set_input_files([{"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"120"}])
    page.get_by_role("button", name="Pay the refund").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    keep(page, f"form-{width}-done")
    page.goto(f"/forms/{asked.token}/")
    expect(page.get_by_role("heading", name="This has been answered")).to_be_visible()
    assert fits(page)
    keep(page, f"form-{width}-answered")
    reply = aside(lambda: Wait.objects.get(id=asked.id).reply)
    assert (reply["action"], reply["note"], reply["proof"][0]["name"]) == ("yes", "Sorry!", "receipt.txt")
