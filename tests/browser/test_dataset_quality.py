"""The pages around retrieval in a real browser: wide and narrow, light and dark, by keyboard; the plot is drawn."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.datasets.models import Dataset, Document
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.evaluate import DEFAULT_VARIANTS, Question
from apps.datasets.services.evaluate_jobs import start_evaluation, work_on
from apps.datasets.services.metadata import add_field, set_values
from tests.browser.conftest import aside
from tests.datasets.making import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
TEXTS = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer. " * 6,
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
    "蜂王.txt": "蜂王每天最多产卵两千粒，尤其是在初夏。",
}
#: Where pictures go when somebody wants to look at them.
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture
def filled(team: Team) -> Dataset:
    def make() -> Dataset:
        dataset = create_dataset(team_id=team.id, name="Handbook")
        for name, content in TEXTS.items():
            put(dataset, name, content)
        author, year = add_field(dataset, name="author", kind="string"), add_field(dataset, name="year", kind="number")
        ids = list(Document.objects.values_list("id", flat=True))
        set_values(dataset, document_ids=ids, values={author.id: "Ann", year.id: 2024})
        return dataset

    made: Dataset = aside(make)
    return made


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def no_sideways(page: Page) -> None:
    """Nothing makes the page wider than its window (a chart follows it a moment later)."""
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def test_two_settings_are_compared_by_keyboard_alone(
    server: str, member: User, open_page: OpenPage, filled: Dataset
) -> None:
    page = open_page(server, f"/datasets/{filled.slug}/search/", user=member)
    expect(page.get_by_label("Query")).to_be_focused()
    page.keyboard.type("How many eggs does a queen lay?")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_be_visible()
    picture(page, "search")
    page.get_by_label("Compare with other settings").focus()
    page.keyboard.press("Space")
    page.get_by_label("Query").press("Enter")
    expect(page.locator(".result")).to_have_count(2)
    picture(page, "search-compared")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    picture(page, "search-compared-dark")
    page.set_viewport_size({"width": 375, "height": 800})
    no_sideways(page)
    picture(page, "search-375")


def test_an_evaluation_is_drawn_with_whiskers(server: str, member: User, open_page: OpenPage, filled: Dataset) -> None:
    questions = [
        Question(id="1", text="How many eggs does a queen lay?", relevant={"queens": 1}),
        Question(id="2", text="When does a swarm leave?", relevant={"swarms": 1}),
        Question(id="3", text="Is there anything about drones?", relevant={"drones": 1}),
    ]
    made = aside(lambda: start_evaluation(filled, name="asked.jsonl", questions=questions, variants=DEFAULT_VARIANTS))
    aside(lambda: work_on(made.id))
    page = open_page(server, f"/datasets/{filled.slug}/evaluations/{made.id}/", user=member)
    expect(page.get_by_role("row")).to_have_count(4)
    page.wait_for_function("document.querySelector('canvas').width > 300")
    drawn = "[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 600, 300).data].some(v => v)"
    assert page.evaluate(drawn)
    picture(page, "evaluation")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    picture(page, "evaluation-dark")
    page.set_viewport_size({"width": 375, "height": 800})
    no_sideways(page)
    picture(page, "evaluation-375")


@pytest.mark.parametrize("place", ["metadata", "questions", "evaluations", "keys"])
def test_the_pages_fit_a_phone_in_the_dark(
    server: str, member: User, open_page: OpenPage, filled: Dataset, place: str
) -> None:
    page = open_page(server, f"/datasets/{filled.slug}/{place}/", user=member)
    picture(page, place)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.set_viewport_size({"width": 375, "height": 800})
    no_sideways(page)
    picture(page, f"{place}-375-dark")
