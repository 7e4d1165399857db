"""Answers that cite a real PDF, and answers that a person has reviewed, as readers see them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.annotations.services import correct_answer
from apps.datasets.services.datasets import create_dataset
from apps.workflows import services
from apps.workflows.dsl import dump
from apps.workflows.models import Application, Message
from apps.workflows.pages.starters import starter_document
from tests.browser.conftest import aside
from tests.datasets.making import pdf, put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
QUESTION = "How many eggs does a queen lay each day?"
FACT = "A queen lays up to two thousand eggs each day in early summer."
BETTER = "Up to **two thousand** eggs."


@pytest.fixture
def app(team: Team) -> Application:
    """A public chat that answers from a PDF of two pages."""
    dataset = create_dataset(team_id=team.id, name="Bees")
    pages = [["Bees live in a skep.", "The skep is made of straw."], [FACT]]
    aside(lambda: put(dataset, "bees.pdf", pdf(pages)))
    document = starter_document("retrieval", name="Ask the bees", dataset=dataset.slug)
    application, _saved = services.import_document(text=dump(document), team_id=team.id)
    services.set_public(application, is_public=True)
    return application


def ask(page: Page) -> None:
    page.get_by_label("Message", exact=True).fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".turn-tools").last).to_be_visible()


def test_a_number_in_an_answer_opens_the_passage_on_its_page(
    server: str, member: User, open_page: OpenPage, app: Application
) -> None:
    page = open_page(server, f"/apps/{app.slug}/playground/", user=member)
    ask(page)
    chip = page.locator(".turn-app .bubble button.cite").first
    expect(chip).to_have_accessible_name(re.compile("bees.pdf"))
    chip.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("bees.pdf")
    expect(panel).to_contain_text("page 2")
    expect(panel.locator("mark")).to_have_text(FACT)
    panel.get_by_role("link", name="Show it in its page").click()
    expect(page.locator("main")).to_contain_text(FACT)


def test_a_visitor_sees_the_passage_but_no_way_into_the_dataset(
    server: str, open_page: OpenPage, app: Application
) -> None:
    page = open_page(server, f"/chat/{app.slug}/", width=375)
    ask(page)
    page.locator(".turn-app .bubble button.cite").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(FACT)
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".turn-app .bubble button.cite").first).to_be_focused()


def test_a_corrected_answer_is_given_next_time_and_marked(
    server: str, member: User, open_page: OpenPage, app: Application
) -> None:
    page = open_page(server, f"/chat/{app.slug}/")
    ask(page)
    expect(page.get_by_text("Answered from a reviewed answer")).to_be_hidden()
    message = Message.objects.get()
    aside(lambda: correct_answer(message.id, BETTER, by=member))

    page.get_by_role("link", name="New conversation").first.click()
    ask(page)
    expect(page.locator(".turn-app")).to_contain_text("Answered from a reviewed answer")
    expect(page.locator(".turn-app .bubble strong")).to_have_text("two thousand")
    page.reload()
    expect(page.locator(".turn-app")).to_contain_text("Answered from a reviewed answer")
