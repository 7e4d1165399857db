"""What people run into, on the running installation: each time somebody says what happened and what to do next."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.story import papers as paper
from tests.story.chat import ask, last_answer, send
from tests.story.conftest import Complaints, OpenBrowser
from tests.story.installation import Installation, curl, stream

pytestmark = pytest.mark.browser

NOISE = "How loud is the loom at full speed?"


@dataclass
class House:
    """An app on a dataset of its own, published and open, and the person who made them."""

    installation: Installation
    owner: Page
    slug: str = "noise-desk"
    dataset: str = "noise"
    key: str = ""

    def body(self, query: str) -> dict[str, object]:
        """A request to the chat endpoint."""
        return {"query": query, "inputs": {}, "user": "story", "response_mode": "streaming", "conversation_id": ""}

    @property
    def chat_url(self) -> str:
        return f"{self.installation.base}/v1/chat-messages"


@pytest.fixture(scope="module")
def house(installation: Installation, new_browser: OpenBrowser, papers: Path) -> House:
    page = new_browser(signed_in=True)
    house = House(installation=installation, owner=page)
    page.goto("/datasets/new/")
    page.get_by_label("Name").fill("Noise")
    page.get_by_role("button", name="Make the dataset").click()
    broken = [paper.write_broken(papers), paper.write_empty(papers), paper.write_encrypted(papers)]
    page.locator("input[type=file]").set_input_files([*broken, paper.write_manual(papers)])
    expect(page.get_by_role("row").filter(has_text="kelp-loom.pdf")).to_contain_text("Ready", timeout=40_000)
    page.goto("/apps/new/")
    page.get_by_label("Name").fill("Noise desk")
    page.get_by_label("Dataset (optional)").select_option("noise")
    page.get_by_role("button", name="Make the app").click()
    page.goto(f"/apps/{house.slug}/keys/")
    page.get_by_label("Name").fill("Tester")
    page.get_by_role("button", name="Make a key").click()
    house.key = page.locator(".secret-notice .copy-line span").inner_text()
    set_public(page, house.slug, is_open=True)
    return house


def set_public(page: Page, slug: str, *, is_open: bool) -> None:
    """Open or close the public chat page."""
    page.goto(f"/apps/{slug}/settings/")
    page.get_by_role("switch").set_checked(is_open)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".pill", has_text="Open to anyone" if is_open else "Closed")).to_be_visible()


def test_a_wrong_password_is_refused_and_the_name_is_kept(installation: Installation, new_browser: OpenBrowser) -> None:
    page = new_browser()
    page.goto("/admin/traces/trace/")
    page.get_by_label("Username").fill(installation.user)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(page.get_by_label("Username")).to_have_value(installation.user)
    page.get_by_label("Password").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Traces", level=1)).to_be_visible()


def test_bad_files_each_say_why_and_the_good_one_is_ready(house: House) -> None:
    page = house.owner
    page.goto(f"/datasets/{house.dataset}/")
    for name, reason in (
        ("broken.pdf", "broken or incomplete"),
        ("empty.pdf", "holds no text"),
        ("locked.pdf", "protected by a password"),
    ):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Error", timeout=20_000)
        expect(row).to_contain_text(reason)
    page.get_by_role("navigation", name="Status").get_by_role("link", name="Ready").click()
    expect(page.locator("#document-rows tbody tr")).to_have_count(1)


def test_two_tabs_talk_side_by_side_and_keep_apart(house: House) -> None:
    context = house.owner.context
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(f"/apps/{house.slug}/playground/")
    first = send(tabs[0], NOISE)
    second = send(tabs[1], "What is the loom insured under?")
    expect(first.locator(".bubble")).to_contain_text("83 decibels")
    expect(second.locator(".bubble")).to_contain_text("KL-55902")
    for tab in tabs:
        expect(tab.locator(".turn-person")).to_have_count(1)
        tab.close()


def test_the_back_button_finds_the_conversation_again(house: House, new_browser: OpenBrowser) -> None:
    page = new_browser()
    page.goto(f"/chat/{house.slug}/")
    ask(page, NOISE)
    page.get_by_role("link", name="Skep").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(last_answer(page).locator(".bubble")).to_contain_text("83 decibels")
    ask(page, "Who built the loom?")
    expect(page.locator(".turn-person")).to_have_count(2)


def test_a_very_long_question_is_answered_or_refused_with_words(house: House) -> None:
    page = house.owner
    page.goto(f"/apps/{house.slug}/playground/")
    answer = ask(page, f"{NOISE} " + "Please look at every page of the manual before you say anything. " * 300)
    expect(answer.locator(".bubble, [role=alert]").first).to_contain_text(re.compile("[a-z]{3}"))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    said = json.loads(curl(house.chat_url, key=house.key, body=house.body("x" * 200_000)))
    assert said["status"] == 413
    assert said["message"]


def test_a_chat_page_that_is_closed_while_somebody_reads_says_so(
    house: House, new_browser: OpenBrowser, complaints: Complaints
) -> None:
    reader = new_browser()
    reader.goto(f"/chat/{house.slug}/")
    ask(reader, NOISE)
    set_public(house.owner, house.slug, is_open=False)
    send(reader, "Are you still there?")
    expect(reader.get_by_text("no longer open to you")).to_be_visible()

    complaints.expect("404")
    stranger = new_browser(width=375, height=700)
    response = stranger.goto(f"/chat/{house.slug}/")
    assert response is not None
    assert response.status == 404
    expect(stranger.get_by_role("heading", level=1)).to_be_visible()
    assert stranger.evaluate("getComputedStyle(document.body).fontFamily").startswith("Inter")
    set_public(house.owner, house.slug, is_open=True)


def test_who_is_signed_out_in_another_tab_is_told_in_the_playground(
    house: House, new_browser: OpenBrowser, installation: Installation
) -> None:
    page = new_browser(signed_in=True)
    page.goto(f"/apps/{house.slug}/playground/")
    ask(page, NOISE)
    other = page.context.new_page()
    other.goto("/")
    other.locator("details.menu", has_text=installation.user).locator("summary").click()
    other.get_by_text("Sign out").click()
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()

    answer = send(page, "Am I still here?")
    expect(answer.get_by_role("alert")).to_contain_text("You are signed out.")
    expect(answer.get_by_role("alert")).to_contain_text("Sign in again")
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_dataset_that_is_deleted_under_a_published_app_is_named_in_the_error(house: House) -> None:
    page = house.owner
    page.goto(f"/datasets/{house.dataset}/settings/")
    page.get_by_role("button", name="Delete dataset").click()
    page.get_by_role("button", name="Delete the dataset").click()
    page.wait_for_url("**/datasets/")

    frames = stream(house.chat_url, key=house.key, body=house.body(NOISE))
    error = next(frame for frame in frames if frame["event"] == "error")
    assert house.dataset in error["message"]
    assert frames[-1]["event"] == "workflow_finished"
    assert frames[-1]["data"]["status"] == "failed"

    page.goto(f"/apps/{house.slug}/playground/")
    answer = send(page, NOISE)
    expect(answer.get_by_role("alert")).to_contain_text(house.dataset)


def test_a_revoked_key_opens_nothing_more(house: House) -> None:
    page = house.owner
    page.goto(f"/apps/{house.slug}/keys/")
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.locator("tbody")).to_contain_text("Revoked")
    said = json.loads(curl(house.chat_url, key=house.key, body=house.body(NOISE)))
    assert (said["code"], said["status"]) == ("unauthorized", 401)


def test_the_demo_app_answers_from_the_handbook_at_once(house: House) -> None:
    page = house.owner
    page.goto("/apps/ask-the-handbook/playground/")
    answer = ask(page, "How do I start Skep?")
    expect(answer.locator(".bubble")).to_contain_text("make up")
    expect(answer.locator("[data-part=cited] .source").first).to_be_visible()
