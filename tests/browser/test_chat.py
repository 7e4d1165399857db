"""Talking to an app in a real browser: streaming, stopping, breaking off, coming back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from accounts.models import User
from apps.workflows.models import Application, Message, Run
from tests.browser.conftest import LONG_ANSWER
from tests.model_runtime.openai_server import Completion, OpenAIServer, Refusal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
MakeApp = Callable[..., Application]


def ask(page: Page, question: str) -> None:
    page.get_by_label("Message", exact=True).fill(question)
    page.keyboard.press("Enter")


def answer_of(page: Page) -> str:
    return page.locator(".turn-app").last.locator(".bubble").inner_text()


def test_an_answer_streams_and_can_be_stopped_with_what_there_is(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp
) -> None:
    page = open_page(slow_server, f"/apps/{make_app().slug}/playground/", user=member)
    ask(page, "Tell me everything")
    expect(page.locator("[data-streaming] .bubble")).to_contain_text("word03")
    assert "word59" not in answer_of(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn-note")).to_contain_text("Stopped")
    assert answer_of(page).startswith("word00 word01 word02 word03")
    assert "word59" not in answer_of(page)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    assert Run.objects.get().status == Run.Status.STOPPED


def test_a_reload_in_the_middle_of_an_answer_goes_on_with_it(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp
) -> None:
    page = open_page(slow_server, f"/apps/{make_app().slug}/playground/", user=member)
    ask(page, "Tell me everything")
    expect(page.locator(".bubble").last).to_contain_text("word05")
    page.reload()
    expect(page.locator(".turn-person .bubble")).to_have_text("Tell me everything")
    expect(page.locator(".turn-tools")).to_be_visible()
    assert answer_of(page) == LONG_ANSWER
    assert Run.objects.count() == 1


def test_a_connection_that_breaks_twice_loses_and_repeats_nothing(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp
) -> None:
    app = make_app()
    page = open_page(slow_server, "/", user=member)
    connections = []

    def cut_after_some(route: WebSocketRoute) -> None:
        upstream = route.connect_to_server()
        connections.append(route)
        if len(connections) > 2:
            return
        heard = []

        def forward(text: str | bytes) -> None:
            heard.append(text)
            route.send(text)
            if len(heard) == 15:
                route.close(code=1011)

        upstream.on_message(forward)

    page.route_web_socket(re.compile("/ws/apps/"), cut_after_some)
    page.goto(f"/apps/{app.slug}/playground/")
    ask(page, "Tell me everything")
    expect(page.locator(".turn-tools")).to_be_visible()
    assert answer_of(page) == LONG_ANSWER
    assert len(connections) == 3
    assert Run.objects.count() == 1


def test_a_visitor_chats_without_an_account_and_finds_the_conversation_again(
    server: str, open_page: OpenPage, make_app: MakeApp
) -> None:
    features = {"opening": "Ask me about **bees**.", "suggested": ["What is a skep?"]}
    app = make_app(public=True, features=features)
    page = open_page(server, f"/chat/{app.slug}/", width=375)
    expect(page.locator(".chat-opening strong")).to_have_text("bees")
    page.get_by_role("button", name="What is a skep?").click()
    expect(page.locator(".bubble").last).to_contain_text("demo model")
    expect(page.get_by_role("link", name="Run", exact=True)).to_have_count(0)
    assert Run.objects.get().source == Run.Source.PUBLIC

    page.goto(f"/chat/{app.slug}/")
    page.get_by_role("button", name="Your conversations").click()
    page.locator("[data-conversations]").get_by_role("link", name="What is a skep?").click()
    expect(page.locator(".bubble").last).to_contain_text("demo model")

    stranger = open_page(server, page.url.removeprefix(server), expected="404")
    expect(stranger.locator(".turn")).to_have_count(0)
    expect(stranger.locator("[data-state]")).to_be_visible()


def test_the_whole_chat_works_with_the_keyboard_alone(server: str, open_page: OpenPage, make_app: MakeApp) -> None:
    app = make_app(public=True)
    page = open_page(server, f"/chat/{app.slug}/")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("First line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Enter")
    expect(page.locator(".turn-tools")).to_be_visible()
    expect(page.locator(".turn-person .bubble")).to_have_text("First line\nsecond line")
    expect(page.locator("[data-live]")).to_contain_text("Answer:")

    reached = False
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement?.dataset?.rate") == "dislike":
            reached = True
            break
    assert reached, "the thumbs cannot be reached with the keyboard"
    page.keyboard.press("Enter")
    expect(page.locator(".turn-feedback")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("It should have said more.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Thank you")


def test_html_in_a_models_answer_stays_text(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp, model: OpenAIServer
) -> None:
    evil = '<img src=x onerror="window.hit=1"> <script>window.hit=1</script> [a](javascript:window.hit=1) **fat**'
    model.script(Completion(evil))
    app = make_app(name='<b onclick="window.hit=1">Bold</b>', public=True)
    page = open_page(slow_server, f"/apps/{app.slug}/playground/", user=member)
    ask(page, "<img src=x onerror=window.hit=1>")
    expect(page.locator(".turn-tools")).to_be_visible()
    bubble = page.locator(".turn-app .bubble")
    expect(bubble.locator("strong")).to_have_text("fat")
    assert bubble.locator("img, script, a[href^=javascript]").count() == 0
    expect(bubble).to_contain_text("<script>window.hit=1</script>")
    page.goto(f"/apps/{app.slug}/runs/{Run.objects.get().id}/")
    expect(page.locator(".turn-app .bubble strong")).to_have_text("fat")
    assert page.evaluate("window.hit") is None


def test_a_provider_that_fails_is_said_calmly_and_the_question_can_be_sent_again(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp, model: OpenAIServer
) -> None:
    model.script(Completion("Half an answer and then", cut_after=4), Completion("All is well."))
    page = open_page(slow_server, f"/apps/{make_app().slug}/playground/", user=member)
    ask(page, "Does it work?")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("The answer could not be finished")
    expect(notice).to_contain_text("The model broke off in the middle. Try again.")
    assert answer_of(page).startswith("Half an")
    notice.get_by_role("button", name="Retry").click()
    expect(page.locator(".bubble").last).to_have_text("All is well.")
    expect(page.locator(".turn-tools").last).to_be_visible()
    assert [message.status for message in Message.objects.order_by("id")] == ["error", "normal"]


def test_a_visitor_is_not_told_what_the_provider_said(
    slow_server: str, open_page: OpenPage, make_app: MakeApp, model: OpenAIServer
) -> None:
    model.script(Refusal(401, body={"error": {"message": "key sk-secret of account 17 is wrong"}}))
    page = open_page(slow_server, f"/chat/{make_app(public=True).slug}/")
    ask(page, "Does it work?")
    expect(page.get_by_role("alert")).to_contain_text("The model provider refused the key.")
    assert "account 17" not in page.content()


def test_a_start_form_is_asked_for_once(server: str, open_page: OpenPage, make_app: MakeApp) -> None:
    inputs = [{"name": "tone", "label": "Tone", "type": "select", "options": ["plain", "formal"], "required": True}]
    page = open_page(server, f"/chat/{make_app(public=True, inputs=inputs).slug}/")
    ask(page, "Hello")
    expect(page.locator(".turn")).to_have_count(0)
    page.get_by_label("Tone").select_option("formal")
    ask(page, "Hello")
    expect(page.locator(".turn-tools")).to_be_visible()
    assert Run.objects.get().inputs == {"tone": "formal"}
    ask(page, "Again")
    expect(page.locator(".turn-app .bubble")).to_have_count(2)
    expect(page.locator(".turn-tools").last).to_be_visible()
    assert Run.objects.count() == 2
