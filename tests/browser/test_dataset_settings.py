"""How a dataset is cut and searched, set by people in a real browser; what is asked before something is destroyed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.datasets.models import Dataset, Document, Evaluation
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.evaluate import DEFAULT_VARIANTS, Question
from apps.datasets.services.evaluate_jobs import start_evaluation, work_on
from apps.datasets.services.metadata import add_field, set_values
from apps.datasets.settings_of_dataset import read_settings
from tests.browser.conftest import aside
from tests.datasets.making import pdf, put, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
#: Where pictures go when somebody wants to look at them.
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture
def dataset(team: Team) -> Dataset:
    def make() -> Dataset:
        made = create_dataset(team_id=team.id, name="Handbook")
        put(made, "queens.txt", "A queen lays up to two thousand eggs a day in early summer. " * 6)
        put(made, "swarms.txt", "A swarm leaves the hive with the old queen, usually in May.")
        return made

    found: Dataset = aside(make)
    return found


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def on_a_phone(page: Page, name: str) -> None:
    """Nothing makes the page wider than a phone in the dark."""
    picture(page, name)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.set_viewport_size({"width": 375, "height": 800})
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    wait_for(lambda: page.evaluate(fits), what="a page that fits the phone")
    picture(page, f"{name}-375-dark")


def test_only_the_settings_of_the_chosen_way_of_cutting_are_shown(
    server: str, member: User, open_page: OpenPage, dataset: Dataset
) -> None:
    page = open_page(server, f"/datasets/{dataset.slug}/chunking/", user=member)
    mode = page.get_by_label("Cut into")
    expect(page.get_by_label("Overlap")).to_be_visible()
    expect(page.get_by_label("Column of the questions")).to_be_hidden()
    mode.select_option("parent_child")
    expect(page.get_by_label("Size of a section or paragraph")).to_be_visible()
    page.get_by_label("What a small passage brings along").select_option("document")
    expect(page.get_by_label("Size of a section or paragraph")).to_be_hidden()
    mode.select_option("qa")
    expect(page.get_by_label("Overlap")).to_be_hidden()
    expect(page.get_by_label("Column of the questions")).to_be_visible()
    on_a_phone(page, "chunking")


def test_several_files_wait_for_one_look_and_start_together(
    server: str, member: User, open_page: OpenPage, dataset: Dataset, tmp_path: Path
) -> None:
    files = [tmp_path / "one.md", tmp_path / "two.md"]
    for file in files:
        file.write_text(f"# {file.stem}\n\n" + f"This is sentence of {file.stem}. " * 40)
    page = open_page(server, f"/datasets/{dataset.slug}/", user=member)
    page.get_by_label("Show me how it would be cut").check()
    page.set_input_files("input[name=files]", files)
    page.wait_for_url("**/preview/")
    before = page.locator(".passage-card").count()
    page.get_by_label("Size", exact=True).fill("100")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".passage-card").nth(before)).to_be_visible()
    page.get_by_label("this document and 1 other that waits").check()
    on_a_phone(page, "preview")
    page.get_by_role("button", name="Save and start").click()
    expect(page.get_by_text("Documents being indexed: 2.").first).to_be_visible()
    sizes = {each.name: each.settings.get("chunking", {}).get("size") for each in Document.objects.all()}
    assert sizes == {"one.md": 100, "two.md": 100, "queens.txt": None, "swarms.txt": None}


def test_what_was_tried_in_the_search_test_is_kept_and_stands_in_the_settings(
    server: str, member: User, open_page: OpenPage, dataset: Dataset
) -> None:
    page = open_page(server, f"/datasets/{dataset.slug}/search/?q=queen", user=member)
    expect(page.get_by_role("button", name="Keep these settings")).to_have_count(0)
    page.get_by_label("Passages").fill("1")
    page.get_by_label("Search by").select_option("full_text")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name="Keep these settings").click()
    expect(page.get_by_text("Kept. Apps and programs search this dataset so")).to_be_visible()
    expect(page.locator(".hit")).to_have_count(1)
    on_a_phone(page, "search-kept")
    page.get_by_role("link", name="Settings of the dataset").click()
    expect(page.locator("#search").get_by_label("Search by")).to_have_value("full_text")
    page.goto(f"/datasets/{dataset.slug}/settings/")
    tab = page.locator(".tabs [aria-current]")
    expect(tab).to_have_text("Settings")
    expect(tab).to_be_in_viewport(ratio=1)
    on_a_phone(page, "settings")
    dataset.refresh_from_db()
    assert read_settings(dataset.settings).retrieval.top_k == 1


def test_a_bad_file_is_given_another_one(
    server: str, member: User, open_page: OpenPage, dataset: Dataset, tmp_path: Path
) -> None:
    document = aside(lambda: put(dataset, "locked.pdf", pdf([["Secret."]], password="bees"))).document
    page = open_page(server, f"/datasets/{dataset.slug}/", user=member)
    expect(page.get_by_text("protected by a password")).to_be_visible()
    page.get_by_role("link", name="Give locked.pdf another file").click()
    on_a_phone(page, "locked")
    file = tmp_path / "open.pdf"
    file.write_bytes(pdf([["Bees dance."]]))
    page.get_by_label("Another file").set_input_files(file)
    page.get_by_role("button", name="Use this file instead").click()
    expect(page.get_by_text("is read from the new file")).to_be_visible()
    document.refresh_from_db()
    assert document.status != "error"


def test_a_field_and_an_evaluation_are_deleted_only_after_a_question(
    server: str, member: User, open_page: OpenPage, dataset: Dataset
) -> None:
    def fill() -> Evaluation:
        author = add_field(dataset, name="author", kind="string")
        set_values(dataset, document_ids=list(Document.objects.values_list("id", flat=True)), values={author.id: "A"})
        questions = [Question(id="1", text="How many eggs?", relevant={"queens": 1})]
        return start_evaluation(dataset, name="asked.jsonl", questions=questions, variants=DEFAULT_VARIANTS)

    made = aside(fill)
    page = open_page(server, f"/datasets/{dataset.slug}/metadata/", user=member)
    page.get_by_role("button", name="Delete author").click()
    dialog = page.get_by_role("dialog", name="Delete the field “author”?")
    expect(dialog).to_contain_text("Its values in 2 documents go with it.")
    picture(page, "delete-field")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Delete author").press("Enter")
    dialog.get_by_role("button", name="Delete the field").click()
    expect(page.get_by_text("No fields yet").first).to_be_visible()

    page.goto(f"/datasets/{dataset.slug}/evaluations/{made.id}/")
    expect(page.get_by_text("Waiting for a worker.")).to_be_visible()
    aside(lambda: work_on(made.id))
    expect(page.get_by_role("row")).to_have_count(4)  # the page looked again by itself
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this evaluation?")
    expect(dialog).to_contain_text("The measures of 1 question go with it.")
    dialog.get_by_role("button", name="Delete the evaluation").click()
    expect(page.get_by_text("No evaluations yet")).to_be_visible()
