"""The product team's pages in a real browser: make, try, change, publish, look back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from apps.workflows.models import Application, Version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]


def test_an_app_made_from_a_starter_answers_at_once(server: str, member: User, open_page: OpenPage) -> None:
    page = open_page(server, "/", user=member)
    page.get_by_role("link", name="Make the first app").click()
    page.get_by_text("Plain chat").click()
    page.get_by_label("Name").fill("Helper")
    page.get_by_role("button", name="Make the app").click()

    page.get_by_label("Message", exact=True).fill("Who are you?")
    page.get_by_role("button", name="Send").click()

    answer = page.locator(".turn-app").last
    expect(answer.locator(".bubble")).to_contain_text("built-in demo model")
    expect(page.locator("[data-steps] li")).to_have_count(3)
    expect(page.locator("[data-steps] li").nth(1)).to_contain_text("Reply")
    expect(page.locator("[data-steps-total]")).to_contain_text("3 steps")
    expect(page).to_have_url(re.compile(r"conversation="))
    expect(page.locator("[data-conversations] a")).to_contain_text("Who are you?")


def test_a_document_with_errors_shows_all_of_them_and_leads_to_each_line(
    server: str, member: User, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    app = make_app()
    page = open_page(server, f"/apps/{app.slug}/document/", user=member, expected="422")
    editor = page.get_by_label("Document (YAML)")
    broken = editor.input_value().replace("type: answer", "type: answr").replace("temperature: 0.2", "temperature: hot")
    editor.fill(broken)
    page.keyboard.press("Control+s")

    problems = page.locator(".problem")
    expect(problems).to_have_count(3)
    expect(page.get_by_role("alert")).to_contain_text("3 errors; nothing was saved")
    expect(editor).to_have_value(broken)
    problems.filter(has_text="/temperature").click()
    selected = editor.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert "temperature: hot" in selected
    assert Version.objects.count() == 1

    editor.fill(broken.replace("answr", "answer").replace("hot", "0.7"))
    page.get_by_role("button", name="Save a new version").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()


def test_a_saved_version_is_published_and_its_runs_are_kept(
    server: str, member: User, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    app = make_app()
    page = open_page(server, f"/apps/{app.slug}/document/", user=member)
    editor = page.get_by_label("Document (YAML)")
    editor.fill(editor.input_value().replace("concise assistant", "brief assistant"))
    page.get_by_role("button", name="Save a new version").click()
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_text("Version 2 is published.")).to_be_visible()

    page.get_by_role("link", name="Playground", exact=True).click()
    page.get_by_label("Message", exact=True).fill("Is anybody there?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn-tools")).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).last.click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text("Succeeded")
    expect(row).to_contain_text("Playground")
    row.get_by_role("link", name="Is anybody there?").click()
    expect(page.locator(".bubble").last).to_contain_text("demo model")
    page.locator(".run-step").nth(1).locator("summary").first.click()
    expect(page.locator(".run-step").nth(1)).to_contain_text("brief assistant")


def test_a_new_key_is_shown_once_and_opens_the_app(
    server: str, member: User, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    app = make_app()
    page = open_page(server, f"/apps/{app.slug}/keys/", user=member)
    page.get_by_label("Name").fill("Shop")
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator(".secret-notice .copy-line span").inner_text()
    answer = page.request.post(
        f"{server}/v1/chat-messages",
        headers={"Authorization": f"Bearer {secret}"},
        data={"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking"},
    )
    assert answer.ok, answer.text()
    page.goto(f"/apps/{app.slug}/keys/")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.locator("tbody")).to_contain_text("Revoked")


def test_a_workflow_takes_its_form_and_gives_outputs_to_read(
    server: str, member: User, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    app = make_app("workflow", name="Summaries")
    page = open_page(server, f"/apps/{app.slug}/playground/", user=member)
    page.get_by_label("Text").fill("Bees live in skeps. Bees make honey. Honey is sweet.")
    page.get_by_role("button", name="Run").click()
    outputs = page.locator(".output")
    expect(outputs).to_have_count(1)
    expect(outputs).to_contain_text("summary")
    expect(outputs.locator(".output-value")).to_contain_text("Bees")
    expect(page.locator("[data-steps]")).to_contain_text("Brief summary")
    expect(page.locator("[data-steps]")).not_to_contain_text("Full summary")


PAGES = ("", "playground/", "document/", "versions/", "keys/", "runs/", "settings/")


def test_no_page_complains_or_is_wider_than_a_phone(
    server: str, member: User, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    chat = make_app(name="Ein sehr langer Name 很长的名字 " * 5, public=True)
    flow = make_app("workflow", name="Flow")
    paths = ["/", "/?q=zzz", "/apps/new/", "/apps/import/", f"/chat/{chat.slug}/"]
    paths += [f"/apps/{app.slug}/{page}" for app in (chat, flow) for page in PAGES]
    page = open_page(server, "/", user=member)
    for path in paths:
        response = page.goto(path)
        assert response is not None
        assert response.status == 200, path
        for width in (1280, 375):
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate("new Promise((done) => setTimeout(done, 60))")  # observers see the new width first
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
