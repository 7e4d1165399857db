"""The main job, from the first sign-in to a corrected answer, as people and programs meet it. Each test is one step."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.story import papers as paper
from tests.story.chat import ask, last_answer
from tests.story.conftest import OpenBrowser
from tests.story.installation import Frame, Installation, answer_of, ask_by_socket, curl, only, stream

pytestmark = [pytest.mark.browser, pytest.mark.one_story]

DRUM = "How many times a minute does the drying drum turn?"
POLICY = "Under which policy number is the loom insured?"
CORRECTED = "The drying drum turns 112 times a minute since the new belt was fitted."


@dataclass
class Story:
    """What the steps hand on."""

    installation: Installation
    owner: Page
    visitor: Page
    slug: str = ""
    key: str = ""
    trace: str = ""
    review: str = ""

    @property
    def chat_url(self) -> str:
        return f"{self.installation.base}/v1/chat-messages"

    def body(self, query: str) -> Frame:
        """A request to the chat endpoint."""
        return {"query": query, "inputs": {}, "user": "story", "response_mode": "streaming", "conversation_id": ""}

    def ask_by_curl(self, query: str) -> list[Frame]:
        """A whole chat turn as server-sent events."""
        return stream(self.chat_url, key=self.key, body=self.body(query))

    def ask_in_public(self, query: str) -> Locator:
        """A whole chat turn on the public page, in a conversation of its own."""
        self.visitor.goto(f"/chat/{self.slug}/")
        return ask(self.visitor, query)


@pytest.fixture(scope="module")
def story(installation: Installation, new_browser: OpenBrowser) -> Story:
    return Story(installation=installation, owner=new_browser(), visitor=new_browser())


def test_the_printed_password_opens_the_console(story: Story) -> None:
    page = story.owner
    page.goto("/")
    page.get_by_label("Username").fill(story.installation.user)
    page.get_by_label("Password").fill(story.installation.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Apps", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Ask the handbook")).to_be_visible()


def test_a_pdf_is_uploaded_and_its_way_to_ready_can_be_watched(story: Story, papers: Path) -> None:
    page = story.owner
    page.goto("/datasets/")
    page.get_by_role("link", name="New dataset").click()
    page.get_by_label("Name").fill("Machines")
    page.get_by_role("button", name="Make the dataset").click()
    page.evaluate(WATCH_STATES)
    page.locator("input[type=file]").set_input_files(
        [paper.write_manual(papers), paper.write_chinese_manual(papers), paper.write_encrypted(papers)]
    )
    for name, pages in (("kelp-loom.pdf", "12"), ("霜花纺机手册.pdf", "3")):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Ready", timeout=40_000)
        expect(row.locator("td.num").first).to_have_text(pages)
    locked = page.get_by_role("row").filter(has_text="locked.pdf")
    expect(locked).to_contain_text("Error")
    expect(locked).to_contain_text("protected by a password")
    seen = page.evaluate("window.statesSeen")
    assert set(seen) - {"Ready", "Error"}, f"no progress was shown: {seen}"


def test_an_app_made_on_the_dataset_answers_and_cites_the_right_page(story: Story) -> None:
    page = story.owner
    page.goto("/apps/new/")
    page.get_by_role("radio", name="Answers from documents").check()
    page.get_by_label("Name").fill("Loom desk")
    page.get_by_label("Dataset (optional)").select_option("machines")
    page.get_by_role("button", name="Make the app").click()
    page.wait_for_url("**/playground/")
    story.slug = page.url.split("/")[-3]

    answer = ask(page, DRUM)
    expect(answer.locator(".bubble")).to_contain_text("114 times a minute")
    cited = answer.locator("[data-part=cited] .source")
    expect(cited).to_have_count(1)
    expect(cited).to_contain_text("kelp-loom.pdf")
    expect(cited).to_contain_text("page 3")
    expect(page.locator("[data-steps] li")).to_have_count(4)


def test_a_citation_opens_the_passage_and_its_page(story: Story) -> None:
    page = story.owner
    last_answer(page).locator(".bubble button.cite").first.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("page 3")
    expect(panel.locator("mark")).to_have_text("The drying drum turns 114 times a minute.")
    panel.get_by_role("link", name="Show it in its page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Page 3")
    expect(page.locator("mark#passage")).to_contain_text("The drying drum turns 114 times a minute.")
    page.go_back()
    expect(last_answer(page).locator(".bubble")).to_contain_text("114 times a minute")


def test_a_chinese_question_is_answered_from_the_chinese_pages(story: Story) -> None:
    answer = ask(story.owner, "霜花纺机的主轴每多少天上一次桐油？")
    expect(answer.locator(".bubble")).to_contain_text("四十二天")
    expect(answer.locator("[data-part=cited] .source").first).to_contain_text("霜花纺机手册.pdf")
    expect(answer.locator("[data-part=cited] .source").first).to_contain_text("page 3")


def test_a_changed_document_is_saved_and_published(story: Story) -> None:
    page = story.owner
    page.goto(f"/apps/{story.slug}/document/")
    editor = page.get_by_label("Document (YAML)")
    changed = editor.input_value().replace(
        "features:", f"features:\n  opening: Ask me about the loom.\n  suggested: ['{POLICY}']", 1
    )
    editor.fill(changed)
    page.get_by_role("button", name="Save a new version").click()
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_text("Version 2 is published.")).to_be_visible()


def test_anybody_can_chat_on_the_public_page_once_it_is_open(story: Story) -> None:
    page = story.owner
    page.goto(f"/apps/{story.slug}/settings/")
    page.get_by_role("switch").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Open to anyone")).to_be_visible()

    visitor = story.visitor
    visitor.goto(f"/chat/{story.slug}/")
    expect(visitor.get_by_text("Ask me about the loom.")).to_be_visible()
    visitor.get_by_role("button", name=POLICY).click()
    answer = last_answer(visitor)
    expect(answer.locator(".bubble")).to_contain_text("KL-55902")
    expect(answer.locator("[data-part=cited] .source").first).to_contain_text("page 11")


def test_curl_gets_the_answer_and_the_page_as_events(story: Story) -> None:
    page = story.owner
    page.goto(f"/apps/{story.slug}/keys/")
    page.get_by_label("Name").fill("Loom shop")
    page.get_by_role("button", name="Make a key").click()
    story.key = page.locator(".secret-notice .copy-line span").inner_text()

    frames = story.ask_by_curl(DRUM)
    assert frames[0]["event"] == "workflow_started"
    assert frames[-1]["event"] == "workflow_finished"
    assert "114 times a minute" in answer_of(frames)
    resources = only(frames, "message_end")["metadata"]["retriever_resources"]
    assert (resources[0]["document_name"], resources[0]["page"]) == ("kelp-loom.pdf", 3)
    assert "114" in resources[0]["content"]


def test_a_websocket_gets_the_same(story: Story) -> None:
    frames = ask_by_socket(story.installation, story.slug, key=story.key, query=POLICY)
    assert "KL-55902" in answer_of(frames)
    assert only(frames, "message_end")["metadata"]["retriever_resources"][0]["page"] == 11
    assert frames[-1]["event"] == "workflow_finished"


def test_curl_comes_back_after_any_event_and_gets_the_rest(story: Story) -> None:
    whole = story.ask_by_curl(DRUM)
    url = f"{story.installation.base}/v1/workflow/{whole[0]['task_id']}/events"
    again = stream(url, key=story.key)
    assert answer_of(again) == answer_of(whole)
    for last in (again[0], again[len(again) // 2], again[-1]):
        rest = stream(url, key=story.key, headers=(f"Last-Event-ID: {last['event_id']}",))
        assert [frame["event_id"] for frame in rest] == [frame["event_id"] for frame in again[again.index(last) + 1 :]]


def test_the_trace_holds_every_step_with_all_its_facts(story: Story) -> None:
    page = story.owner
    page.goto("/admin/traces/trace/")
    page.get_by_role("link", name=DRUM).first.click()
    story.trace = page.url.split("?")[0]
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(5)  # the run and its four nodes
    for name in ("Start", "Find passages", "Answer from passages", "Say"):
        row = rows.filter(has_text=name).first
        expect(row).to_be_visible()
        assert re.search(r"\d", row.locator("svg.span-bar").get_attribute("aria-label") or ""), name
    open_span(page, "Answer from passages")
    expect(detail(page)).to_contain_text("tokens")
    open_tab(page, "Messages")
    expect(detail(page)).to_contain_text("Answer only from the passages below")
    open_tab(page, "Parameters")
    expect(detail(page)).to_contain_text("temperature")
    open_tab(page, "Tokens")
    expect(detail(page)).to_contain_text(re.compile(r"[1-9]\d*"))
    open_span(page, "Find passages")
    open_tab(page, "Passages")
    expect(detail(page)).to_contain_text("114 times a minute")
    expect(detail(page)).to_contain_text("kelp-loom.pdf")


def test_an_operator_rejects_the_answer_and_approves_a_better_one(story: Story) -> None:
    page = story.owner
    page.get_by_role("link", name="Review this answer").click()
    story.review = page.url
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_role("button", name="Wrong").click()
    page.get_by_label("The answer it should have been").fill(CORRECTED)
    expect(page.locator("[data-diff] ins").first).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Correction in force")).to_be_visible()


def test_the_same_question_is_answered_from_the_correction_everywhere(story: Story) -> None:
    answer = story.ask_in_public(DRUM)
    expect(answer.locator(".bubble")).to_have_text(CORRECTED)
    expect(answer.get_by_text("Answered from a reviewed answer")).to_be_visible()

    for frames in (
        story.ask_by_curl(DRUM),
        ask_by_socket(story.installation, story.slug, key=story.key, query=DRUM),
    ):
        assert answer_of(frames) == CORRECTED
        assert only(frames, "message_end")["metadata"]["annotation_reply"]
        assert frames[-1]["event"] == "workflow_finished"


def test_the_trace_says_that_no_model_was_asked(story: Story) -> None:
    page = story.owner
    page.goto("/admin/traces/trace/")
    page.get_by_role("link", name=DRUM).first.click()
    expect(page.locator(".trace-facts")).to_contain_text("Answered from a reviewed answer")
    expect(page.get_by_role("treeitem").filter(has_text="Answer from passages").first).to_contain_text("Skipped")


def test_another_question_still_goes_to_the_model(story: Story) -> None:
    frames = story.ask_by_curl("How much does the loom weigh?")
    assert "4,870 kilograms" in answer_of(frames)
    assert "annotation_reply" not in only(frames, "message_end")["metadata"]


def test_a_withdrawn_correction_answers_no_more(story: Story) -> None:
    page = story.owner
    page.goto(story.review)
    page.get_by_role("button", name="Withdraw", exact=True).click()
    page.get_by_role("button", name="Withdraw the correction").click()
    expect(page.get_by_role("heading", name="Correction in force")).to_have_count(0)
    assert "114 times a minute" in answer_of(story.ask_by_curl(DRUM))
    expect(story.ask_in_public(DRUM).locator(".bubble")).to_contain_text("114 times a minute")


def test_a_blocking_request_gets_one_object(story: Story) -> None:
    body = {**story.body(POLICY), "response_mode": "blocking"}
    said = json.loads(curl(story.chat_url, key=story.key, body=body))
    assert "KL-55902" in said["answer"]
    assert said["metadata"]["retriever_resources"][0]["page"] == 11


WATCH_STATES = """() => {
  window.statesSeen = [];
  new MutationObserver(() => {
    for (const pill of document.querySelectorAll("#document-rows .pill")) {
      const words = pill.textContent.trim();
      if (!window.statesSeen.includes(words)) window.statesSeen.push(words);
    }
  }).observe(document.querySelector("#documents"), { childList: true, subtree: true });
}"""


def open_span(page: Page, name: str) -> None:
    page.get_by_role("treeitem").filter(has_text=name).first.click()
    expect(detail(page).get_by_role("heading", name=name)).to_be_visible()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def detail(page: Page) -> Locator:
    return page.locator(".span-detail")
