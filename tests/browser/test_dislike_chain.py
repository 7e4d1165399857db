"""From a dislike in a public chat to what came of its correction: seen at once, and every step a click."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.annotations.models import Correction, Feedback, GoldenSet, QueueItem, QueueQuestion, ReviewQueue, ScoreConfig
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.workflows.models import Application

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
MakeApp = Callable[..., Application]
QUESTION = "How often should I inspect a hive?"
BETTER = "Every 7 to 10 days in spring."
#: From the click in the chat to the workbench; a busy machine gets what some requests take on it in addition.
AT_MOST_S = 2.0
REQUESTS = 10


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """Recorder, worker and two pages share the machine: states are waited for longer than usual."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


def seconds_allowed(page: Page) -> float:
    """Two seconds, and more where this machine is slow to answer anything just now."""
    begun = time.monotonic()
    assert page.request.get("/health/live").ok
    return AT_MOST_S + REQUESTS * (time.monotonic() - begun)


@pytest.fixture
def queue(team: Team) -> ReviewQueue:
    """A queue of dislikes that asks for the better answer."""
    made = ReviewQueue.objects.create(team=team, name="Dislikes")
    fix = ScoreConfig.objects.create(team=team, name="Better answer", kind="correction")
    QueueQuestion.objects.create(queue=made, config=fix, position=0)
    return made


def test_a_dislike_with_its_reason_reaches_the_open_workbench_and_leads_to_all_products(
    server: str, member: User, team: Team, queue: ReviewQueue, open_page: OpenPage, make_app: MakeApp
) -> None:
    app = make_app(public=True)
    golden = GoldenSet.objects.create(team=team, name="Spring")
    change_settings(app, Switches(golden_set_id=golden.id), by=member)
    work = open_page(server, "/admin/annotations/review/", user=member)
    # The page also looks by itself from time to time: without that, only the news can bring the item.
    work.add_init_script("window.setInterval = () => 0")
    work.goto(f"/admin/annotations/reviewqueue/{queue.id}/work/")
    expect(work.locator("[data-empty]")).to_be_visible()
    chat = open_page(server, f"/chat/{app.slug}/")
    chat.get_by_label("Message", exact=True).fill(QUESTION)
    chat.keyboard.press("Enter")
    expect(chat.locator(".turn-tools").last).to_be_visible()
    pressed = time.monotonic()
    chat.get_by_role("button", name="Bad answer").click()
    expect(work.locator("[data-ask]")).to_have_text(QUESTION)
    assert time.monotonic() - pressed < seconds_allowed(work)

    chat.locator("[data-part=feedback]").last.get_by_text("Wrong", exact=True).click()
    chat.locator("[data-part=feedback] textarea").last.fill("It is weekly.")
    pressed = time.monotonic()
    chat.get_by_role("button", name="Send feedback").click()
    expect(work.locator("[data-remark-text]")).to_have_text("Wrong · It is weekly.")
    assert time.monotonic() - pressed < seconds_allowed(work)
    connections.close_all()
    assert Feedback.objects.get(superseded_at=None).source == "public"

    work.keyboard.press("c")
    work.keyboard.press("Control+a")
    work.keyboard.type(BETTER)
    trace_url = work.locator("[data-trace]").get_attribute("href")
    work.keyboard.press("Control+Enter")
    expect(work.locator("[data-empty]")).to_be_visible()
    connections.close_all()
    item = QueueItem.objects.get()
    assert Correction.objects.get().queue_item == item

    # Queue item, its trace, the answer, the correction: each a link on the page before.
    page = open_page(server, f"/admin/annotations/reviewqueue/{queue.id}/items/{item.id}/", user=member)
    page.locator("[data-trace]").click()
    page.wait_for_url(f"**{trace_url}")
    page.get_by_role("link", name="Review this answer").click()
    page.locator("[data-queue-item]").click()
    page.locator("[data-correction-link]").click()
    expect(page.locator("[data-chain=feedback]")).to_contain_text("Wrong")
    page.keyboard.press("a")
    expect(page.locator(".correction-head .pill")).to_contain_text("Approved")
    own = page.url
    for kind in ("annotation", "example", "golden-item", "preference-pair"):
        page.locator(f"[data-product={kind}] a").click()
        expect(page.locator("main")).to_contain_text(QUESTION)
        if kind != "golden-item":
            page.locator("main").get_by_role("link", name="Correction", exact=True).click()
        page.goto(own)
    page.locator("[data-chain=conversation]").click()
    expect(page.locator("main")).to_contain_text(QUESTION)

    chat.get_by_role("link", name=re.compile("New conversation")).first.click()
    chat.get_by_label("Message", exact=True).fill(QUESTION)
    chat.keyboard.press("Enter")
    expect(chat.locator(".turn-app").last).to_contain_text(BETTER)
