"""From the dashboard to the cause in a real browser: of a slow run, a wrong answer, an error; by keyboard alone too."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.annotations.services import record_feedback
from tests.annotations.conftest import make_app, make_turn
from tests.traces import stories
from tests.traces.test_trace_browser import CHROMIUM, page  # noqa: F401 - a signed-in page that tolerates no script error

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on PATH"),
    pytest.mark.django_db(databases=["default", "traces"], transaction=True),
]
PAGE = "/admin/traces/dashboard/"


@pytest.fixture
def told(team: Any, record: Any) -> dict[str, str]:
    """Addresses of the traces that are to be found: one is slow, one failed, one answered wrongly."""
    app = make_app(team, slug="handbook")
    for _ in range(4):
        record(application_id=app.id, application_name=app.name)
    turn = make_turn(app)
    wrong = record(application_id=app.id, application_name=app.name, message_id=turn.id, ago=600)
    record_feedback(turn, rating="dislike", source="api", end_user="ada", reason="wrong", text="That was last year.")
    found = {"slow": record(stories.long_run, ago=900), "failed": record(stories.broken_stream), "wrong": wrong}
    return {name: reverse("admin:traces_trace_change", args=[trace.id]) for name, trace in found.items()}


def arrives(tab: Any, address: str) -> None:
    tab.wait_for_url(lambda url: address in url)


def test_the_cause_of_a_slow_run_is_two_keys_away(told, page):  # noqa: F811
    page.goto(PAGE)
    page.keyboard.press("s")
    # The failed run waited for its model for half a minute: it is the slowest.
    assert "took" in page.locator("[data-line]:focus").inner_text()
    page.keyboard.press("Enter")
    arrives(page, told["failed"])
    assert "span=" in page.url
    page.wait_for_selector(".detail-title h2")
    page.go_back()
    page.keyboard.press("s")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    arrives(page, told["slow"])


def test_a_wrong_answer_is_two_keys_away_and_its_passages_are_there(told, page):  # noqa: F811
    page.goto(PAGE)
    page.keyboard.press("d")
    assert "That was last year." in page.locator("[data-line]:focus").inner_text()
    page.keyboard.press("Enter")
    # What was wrong with it stands above the steps.
    page.locator(".trace-opinion-dislike").get_by_text("That was last year.").wait_for()
    arrives(page, told["wrong"])
    page.get_by_role("treeitem").filter(has_text="Find passages").first.click()
    page.wait_for_selector(".passage")


def test_an_error_leads_to_its_runs_and_from_there_to_the_failed_one(told, page):  # noqa: F811
    page.goto(PAGE)
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "error=" in url)
    assert page.locator("tbody tr").count() == 1
    page.locator("tbody tr a").first.focus()
    page.keyboard.press("Enter")
    arrives(page, told["failed"])


def test_every_figure_and_bar_leads_to_its_runs(told, page):  # noqa: F811
    page.goto(PAGE)
    for place in range(6):
        page.locator(".dash-stat").nth(place).click()
        page.wait_for_url(lambda url: "/traces/trace/?" in url)
        assert page.locator("tbody tr").count() >= 1, page.url
        page.go_back()
    chart = page.locator("#chart-runs ~ * canvas, .dash-chart canvas").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    # The newest bar stands at the right edge.
    page.mouse.click(box["x"] + box["width"] - 22, box["y"] + box["height"] - 40)
    page.wait_for_url(lambda url: "/traces/trace/?" in url and "to=" in url)


def test_a_key_adds_the_period_before(told, page):  # noqa: F811
    page.goto(PAGE)
    page.keyboard.press("c")
    page.wait_for_url(lambda url: "compare=1" in url)


@pytest.fixture
def only_one(record: Any) -> None:
    """A single run, so a single hour, whatever the time is."""
    record()


def test_a_single_hour_of_durations_is_seen_as_points(only_one, page):  # noqa: F811
    page.goto(PAGE)
    radii = page.evaluate(
        """() => {
          const chart = Chart.getChart(document.querySelector('canvas[data-chart="chart-data-duration"]'));
          return chart.data.datasets.flatMap((set, at) =>
            chart.getDatasetMeta(at).data
              .filter((_, place) => set.data[place] !== null)
              .map((point) => point.options.radius));
        }"""
    )
    assert radii
    assert min(radii) > 2


def test_charts_are_drawn_again_in_another_theme_and_their_numbers_stand_below(told, page):  # noqa: F811
    page.goto(PAGE + "?since=7d&compare=1")
    pixels = "() => [...document.querySelectorAll('canvas')].map(each => each.toDataURL().length)"
    assert min(page.evaluate(pixels)) > 2_000
    before = page.evaluate("() => document.querySelector('canvas').toDataURL()")
    page.evaluate("() => document.documentElement.setAttribute('data-theme', 'dark')")
    page.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=before)
    page.locator(".dash-numbers summary").first.click()
    assert page.locator(".dash-numbers").first.get_by_role("row").count() == 9
    page.locator("h1").click()  # keys are for pages, not for a control that has the focus
    page.keyboard.press("?")
    assert page.locator("#key-sheet").get_by_text("To the slowest runs").is_visible()


@pytest.mark.parametrize("width", [375, 768, 1024])
def test_nothing_is_wider_than_the_window(told, page, width):  # noqa: F811
    page.set_viewport_size({"width": width, "height": 720})
    for address in (PAGE, f"{PAGE}?since=30d&compare=1", "/admin/traces/alert/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
