"""Forms of evaluation with the keyboard: what a choice needs is asked, what it does not need is out of the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Calibration, Evaluator, Experiment, GoldenSet, ReviewQueue, ScoreConfig
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from tests.annotations.test_calibration import reviewed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
OpenPage = Callable[..., Page]
BEGIN = "/admin/annotations/calibration/add/"


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


def evaluator(team: Team, name: str) -> Evaluator:
    config = {"field": "", "words": ["please"], "how_many": "all", "ignore_case": True}
    return Evaluator.objects.create(team=team, name=name, kind="contains", config=config)


@pytest.fixture
def questions(team: Team) -> None:
    """One question of each kind, each with an answer, and an evaluator to hold against them."""
    evaluator(team, "Polite")
    tone = ScoreConfig.objects.create(team=team, name="Tone", kind="categorical", categories=["warm", "cold"])
    mood = ScoreConfig.objects.create(team=team, name="Mood", kind="categorical", categories=["sweet", "sour"])
    stars = ScoreConfig.objects.create(team=team, name="Stars", kind="numeric", minimum=1, maximum=5)
    right = ScoreConfig.objects.create(team=team, name="Right?", kind="boolean")
    for config, value in ((tone, "warm"), (mood, "sweet"), (stars, 4), (right, 1)):
        reviewed(team, config, "Please.", value)
    assert ReviewQueue.objects.count() == 1


def test_a_calibration_asks_what_its_question_needs(
    server: str, member: User, questions: None, open_page: OpenPage
) -> None:
    page = open_page(server, BEGIN, user=member, expected="400")
    question, number = page.get_by_label("Review question"), page.get_by_label("Passed from")
    warm, sweet = page.get_by_label("warm"), page.get_by_label("sweet")
    question.select_option(label="Right?")
    for hidden in (number, warm, sweet):
        expect(hidden).to_be_hidden()
        expect(hidden).to_be_disabled()
    question.select_option(label="Tone")
    expect(warm).to_be_visible()
    expect(sweet).to_be_hidden()
    question.focus()
    page.keyboard.type("Stars")
    expect(number).to_be_visible()
    expect(page.get_by_text("Above 1, and 5 at most.")).to_be_visible()
    page.keyboard.press("Tab")
    expect(number).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_role("link", name="Passed from").press("Enter")
    expect(number).to_be_focused()
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/calibration/[0-9a-f-]{36}/"))
    connections.close_all()
    assert Calibration.objects.get().passing == {"at_least": 4.0}


def test_without_scripts_each_choice_stands_with_its_question(
    server: str, member: User, questions: None, open_page: OpenPage
) -> None:
    signed_in = open_page(server, BEGIN, user=member)
    assert signed_in.context.browser is not None
    plain = signed_in.context.browser.new_context(
        base_url=server, java_script_enabled=False, storage_state=signed_in.context.storage_state()
    )
    page = plain.new_page()
    page.goto(BEGIN)
    page.get_by_label("Review question").select_option(label="Tone")
    expect(page.get_by_role("group", name="Tone").get_by_role("checkbox")).to_have_count(2)
    page.get_by_role("group", name="Tone").get_by_label("warm").check()
    page.get_by_role("group", name="Mood").get_by_label("sour").check()
    page.get_by_role("button", name="Hold it against people").click()
    page.wait_for_url(re.compile(r"/calibration/[0-9a-f-]{36}/"))
    plain.close()
    connections.close_all()
    assert Calibration.objects.get().passing == {"categories": ["warm"]}


def test_evaluators_are_moved_into_the_order_of_the_results(
    server: str, member: User, team: Team, open_page: OpenPage, make_app: Callable[..., Application]
) -> None:
    make_app()
    for name in ("Aunt", "Exact", "Zoe"):
        evaluator(team, name)
    golden = GoldenSet.objects.create(team=team, name="Spring")
    add_items(golden, [NewItem(question="How many frames?", expected="Ten")], by=member)
    page = open_page(server, "/admin/annotations/experiment/add/", user=member)
    for name in ("Zoe", "Aunt"):
        page.get_by_label(name, exact=True).focus()
        page.keyboard.press("Space")
    for _time in range(2):
        page.get_by_role("button", name="Move up: Zoe").press("Enter")
    page.get_by_role("button", name="Run the experiment").press("Enter")
    page.wait_for_url(re.compile(r"/experiment/[0-9a-f-]{36}/"))
    connections.close_all()
    assert [spec["name"] for spec in Experiment.objects.get().specs] == ["Zoe", "Aunt"]


def test_an_evaluator_of_code_begins_with_a_sample_in_its_language(
    server: str, member: User, open_page: OpenPage
) -> None:
    page = open_page(server, "/admin/annotations/evaluator/add/", user=member)
    expect(page.get_by_role("group", name="How it judges")).to_be_hidden()
    page.get_by_label("Kind").select_option("code")
    expect(page.get_by_text("Each kind uses some of these")).to_be_hidden()
    expect(page.get_by_label("Rubric")).to_be_hidden()
    code, language = page.locator("#id_code"), page.locator("#id_language")
    for name, begins in (("javascript", r"^function main\("), ("python3", r"^def main\(")):
        language.select_option(name)
        expect(code).to_have_value(re.compile(begins))
    code.fill("def main(**given): return {'passed': True}")
    language.select_option("javascript")
    expect(code).to_have_value("def main(**given): return {'passed': True}")
