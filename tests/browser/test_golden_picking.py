"""Good cases picked in a list with the keyboard, put into a golden set, and taken back with one key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.annotations.models import GoldenSet
from apps.annotations.selectors.golden import items_of
from apps.workflows.models import Application
from tests.annotations.conftest import make_turn

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
LIST = "/admin/annotations/review/?show=all"


@pytest.fixture(autouse=True)
def _patience() -> object:
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


def questions(golden: GoldenSet) -> list[str]:
    connections.close_all()
    golden.refresh_from_db()
    return [row.question for row in items_of(golden, golden.version)]


def test_answers_are_picked_added_to_a_new_set_and_taken_back(
    server: str,
    member: User,
    team: Team,
    open_page: Callable[..., Page],
    make_app: Callable[..., Application],
) -> None:
    app = make_app()
    app.refresh_from_db()
    for number in range(3):
        make_turn(app, f"Question {number}?", f"Answer {number}")
    page = open_page(server, LIST, user=member)
    for number in (0, 2):
        page.get_by_label(f"Pick Question {number}?").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Add picked answers to a golden set").press("Enter")
    expect(page.locator(".page-purpose")).to_contain_text("2 cases are picked.")
    page.get_by_label("Name of the new set").focus()
    page.keyboard.type("Good ones")
    expect(page.get_by_label("A new set")).to_be_checked()
    page.keyboard.press("Enter")
    done = page.locator(".golden-done")
    expect(done).to_contain_text("2 items were added. Version 1 stands now.")
    golden = GoldenSet.objects.get(name="Good ones")
    assert sorted(questions(golden)) == ["Question 0?", "Question 2?"]
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator(".messages")).to_contain_text("What version 1 changed was taken back")
    assert questions(golden) == []
    page.go_back()
    page.goto(LIST)
    page.get_by_label("Pick Question 1?").check()
    page.get_by_role("button", name="Add picked answers to a golden set").click()
    expect(page.locator(".put-queue").first).to_contain_text("One is new")
    page.get_by_role("button", name="Add to this set").click()
    expect(done).to_contain_text("One item was added.")
    page.get_by_role("link", name="Back to the list").click()
    page.wait_for_url(f"**{LIST}")
    assert questions(golden) == ["Question 1?"]
