"""Watching a run while it goes on: its tree and text grow, it can be stopped, and then its trace is there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Membership, Role, Team, User
from apps.workflows.models import Application, Run
from tests.browser.conftest import LONG_ANSWER
from tests.model_runtime.openai_server import Completion, OpenAIServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
MakeApp = Callable[..., Application]


@pytest.fixture
def watch(
    slow_server: str, member: User, open_page: OpenPage, make_app: MakeApp
) -> Callable[..., tuple[Page, Page, Run]]:
    """Ask something in the playground, and open the page of the run while it answers."""

    def begin(path: str = "", **page_options: object) -> tuple[Page, Page, Run]:
        asking = open_page(slow_server, f"/apps/{make_app().slug}/playground/", user=member)
        asking.get_by_label("Message", exact=True).fill("Tell me everything")
        asking.keyboard.press("Enter")
        expect(asking.locator("[data-streaming] .bubble")).to_contain_text("word01")
        run = Run.objects.get()
        page = open_page(slow_server, f"/admin/traces/trace/{run.id}/change/{path}", user=member, **page_options)
        return page, asking, run

    return begin


def test_a_run_is_seen_growing_and_becomes_its_trace_by_itself(watch: Callable[..., tuple[Page, Page, Run]]) -> None:
    page, asking, _run = watch("?view=waterfall")
    expect(page.locator('[data-live-status="running"]')).to_be_visible()
    expect(page.locator(".span-row .words").first).to_have_text("Helper")
    running = page.locator(".span-row.span-running .bar-running")
    expect(running.first).to_be_visible()
    assert _bottom(page, ".live-head") <= _top(page, ".span-row") + 1, "the heads of the columns hide no row"
    expect(page.locator("[data-live-text]")).to_contain_text("word10")
    before = page.locator("[data-live-took]").inner_text()
    expect(page.locator("[data-live-took]")).not_to_have_text(before)

    expect(page.locator("[data-trace][data-rows-url]")).to_be_attached()  # the page of the finished trace
    assert "view=waterfall" in page.url
    assert page.locator(".span-running").count() == 0
    expect(page.locator(".trace-facts")).to_contain_text("Succeeded")
    expect(asking.locator(".bubble").last).to_have_text(LONG_ANSWER)


def _top(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"]


def _bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_a_run_that_is_watched_can_be_stopped_and_chosen_rows_stay_chosen(
    watch: Callable[..., tuple[Page, Page, Run]], model: OpenAIServer
) -> None:
    # Long enough to be stopped in the middle of it, however busy the machine is.
    model.script(Completion(" ".join(f"word{number:02d}" for number in range(800)), pause=0.05))
    page, _asking, run = watch()
    expect(page.locator("[data-live-text]")).to_contain_text("word03")
    page.locator(".span-row").first.click()
    expect(page.locator("[data-live-follow]")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-live-name]")).to_have_text("Helper")
    page.keyboard.press("j")
    expect(page.locator("[data-live-name]")).not_to_have_text("Helper")
    page.keyboard.press("f")
    expect(page.locator("[data-live-follow]")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-trace][data-rows-url]")).to_be_attached()
    expect(page.locator(".trace-facts")).to_contain_text("Stopped")
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED


def test_the_list_of_traces_leads_to_what_is_running(
    watch: Callable[..., tuple[Page, Page, Run]], slow_server: str
) -> None:
    page, _asking, run = watch()
    page.goto("/admin/traces/trace/")
    page.locator("[data-running]").get_by_role("link", name="Tell me everything").click()
    expect(page).to_have_url(re.compile(str(run.id)))
    expect(page.locator("[data-trace]")).to_be_attached()


def test_nobody_of_another_team_watches_or_stops_it(
    watch: Callable[..., tuple[Page, Page, Run]], slow_server: str, open_page: OpenPage
) -> None:
    _page, _asking, run = watch()
    stranger = User.objects.create_user("sam", password="a long enough password", is_staff=True)
    Membership.objects.create(team=Team.objects.create(slug="other", name="Other"), user=stranger, role=Role.OPERATOR)
    page = open_page(slow_server, "/admin/traces/trace/", user=stranger, expected="404")
    assert page.locator("[data-running]").count() == 0
    for path in ("change/", "live/", "live/state/"):
        assert page.request.get(f"{slow_server}/admin/traces/trace/{run.id}/{path}").status == 404
