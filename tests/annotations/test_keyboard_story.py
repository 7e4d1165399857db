"""From twenty disliked answers to a corrected one and a file to train with: in a browser, without a mouse."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.urls import reverse

from accounts.models import Role, Team, User
from apps.annotations.models import Annotation, Assignment, Correction, TrainingExport, TrainingVersion
from apps.annotations.services.training_files import write_file
from apps.annotations.services.training_versions import fill_version
from apps.workflows.models import Application
from apps.workflows.services import import_document, set_public
from tests.annotations.conftest import RIGHT
from tests.annotations.test_chat_turns import CHAT
from tests.annotations.test_feedback import bearer
from tests.annotations.test_queues import make_config, make_queue, person
from tests.annotations.test_review_page import page  # noqa: F401  # the browser
from tests.annotations.training.trainers import chat_faults, lines_of, loaded_as_preferences, preference_faults

ITEMS = 20
DISPUTED = 7
#: More keystrokes than any of these pages needs.
MOST_TABS = 160


@pytest.fixture
def echo(team: Team) -> Application:
    application, _saved = import_document(text=CHAT, team_id=team.id)
    set_public(application, is_public=True)
    return Application.objects.select_related("live").get(id=application.id)


@pytest.fixture(autouse=True)
def _same_files(settings: Any) -> None:
    """Files are written here and downloaded from the server: both look in one folder."""
    assert Path(settings.MEDIA_ROOT).is_relative_to(os.environ["SKEP_DATA_DIR"])


def work_off() -> None:
    """What a worker does with the jobs that wait."""
    for version in TrainingVersion.objects.filter(status="queued"):
        while fill_version(version.id):
            pass
    for export in TrainingExport.objects.filter(status="queued"):
        assert write_file(export.id)


@pytest.fixture
def disliked(server: str, echo: Application) -> None:
    """Twenty turns that a program's user had and did not like."""
    headers = bearer(echo)
    with httpx.Client(base_url=f"{server}/v1", headers=headers, timeout=30) as client:
        for number in range(ITEMS):
            body = {"query": question(number), "inputs": {}, "user": "ada", "response_mode": "blocking"}
            message = client.post("/chat-messages", json=body).json()["message_id"]
            verdict = {"rating": "dislike", "content": "Not what I asked.", "user": "ada"}
            assert client.post(f"/messages/{message}/feedbacks", json=verdict).json() == {"result": "success"}


@pytest.fixture
def sit_down(page: Any, server: str, client: Any) -> Callable[..., Any]:  # noqa: F811
    """Somebody's browser at an address; from there on only keys are pressed."""

    def at(user: User | None, address: str) -> Any:
        page.context.clear_cookies()
        if user is not None:
            client.force_login(user)
            cookie = client.cookies["sessionid"].value
            page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server}])
        page.goto(server + address)
        return page

    return at


def question(number: int) -> str:
    return f"How does skep number {number} keep dry?"


def tab_to(page: Any, selector: str) -> None:  # noqa: F811
    """Press Tab until the focus is there; fails where the keyboard does not reach it."""
    page.wait_for_selector(selector)
    wanted = page.locator(selector).first
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def follow(page: Any, selector: str, *, to: str) -> None:  # noqa: F811
    """Go to a link or button by Tab and press Enter, until the address fits."""
    tab_to(page, selector)
    page.keyboard.press("Enter")
    page.wait_for_url(to)


def wait_for_item(page: Any, number: int) -> None:  # noqa: F811
    page.wait_for_function("text => document.querySelector('[data-ask]').textContent === text", arg=question(number))


def review_all(work: Any, *, corrects: bool) -> None:
    """Say no to every item with two keys; who corrects says yes to one and writes what it should have been."""
    for number in range(ITEMS):
        wait_for_item(work, number)
        if corrects and number == DISPUTED:
            work.keyboard.press("1")
            work.keyboard.press("c")
            work.keyboard.press("Control+a")
            work.keyboard.type(RIGHT)
            work.wait_for_selector("[data-diff] ins")
            work.keyboard.press("Control+Enter")
        else:
            work.keyboard.press("2")
            work.keyboard.press("Enter")
    work.wait_for_selector("[data-empty]:not([hidden])")


def file_by_keyboard(page: Any, *, typed: str, name: str, folder: Path) -> Path:  # noqa: F811
    """Have a file made in the format that begins with what is typed, wait for the worker, and save it."""
    tab_to(page, "#file-format")
    page.keyboard.type(typed)
    page.keyboard.press("Tab")
    page.keyboard.type("Both")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"tr:has-text('{name}')")
    work_off()
    link = f"tr:has-text('{name}') a[download]"
    page.wait_for_selector(link, timeout=60_000)
    tab_to(page, link)
    with page.expect_download() as begun:
        page.keyboard.press("Enter")
    assert begun.value.suggested_filename == name
    begun.value.save_as(folder / name)
    return folder / name


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_disliked_answers_become_a_better_one_and_a_file_to_train_with_by_keyboard_only(
    team: Team,
    operator: User,
    echo: Application,
    disliked: None,
    sit_down: Callable[..., Any],
    tmp_path: Path,
) -> None:
    right, fix = make_config(team, "Is it right?"), make_config(team, "Better answer", "correction")
    queue = make_queue(team, configs=[right, fix], overlap=2)
    queue.questions.filter(config=fix).update(is_required=False)
    ben, edna = person(team, "ben"), person(team, "edna", Role.EDITOR)
    queues = reverse("admin:annotations_reviewqueue_changelist")
    fill_from_dislikes(sit_down(edna, reverse("admin:annotations_queue_overview", args=[queue.id])))
    assert queue.items.count() == ITEMS

    for user in (operator, ben):
        work = sit_down(user, queues)
        follow(work, "main table a:has-text('Dislikes')", to="**/work/")
        review_all(work, corrects=user == ben)
    assert Assignment.objects.filter(state="submitted").count() == 2 * ITEMS

    work = sit_down(edna, queues)
    follow(work, "a[href$='#disagreements']", to="**/overview/#disagreements")
    follow(work, "#disagreements a", to="**/decide/")
    assert RIGHT in work.inner_text("[data-decide] table")
    work.keyboard.press("2")
    work.keyboard.press("a")
    work.keyboard.press("Enter")
    work.wait_for_url("**/overview/")
    assert queue.items.get(status="adjudicated").question == question(DISPUTED)
    assert Annotation.objects.get(is_enabled=True).answer == RIGHT
    assert Correction.objects.get(status="approved").approved_by == edna

    chat = sit_down(None, f"/chat/{echo.slug}/")
    chat.wait_for_function("() => document.activeElement?.tagName === 'TEXTAREA'")
    chat.keyboard.type(question(DISPUTED))
    chat.keyboard.press("Enter")
    chat.wait_for_selector(".turn-app .turn-tools")
    assert RIGHT in chat.inner_text(".turn-app .bubble")

    shelf = sit_down(edna, reverse("admin:annotations_trainingset_changelist"))
    follow(shelf, "main a[href$='/add/']", to="**/add/")
    tab_to(shelf, "input[name=name]")
    shelf.keyboard.type("Dry skeps")
    shelf.keyboard.press("Enter")
    shelf.wait_for_url("**/overview/")
    follow(shelf, "form[action$='/make/'] button", to="**/versions/1/")
    work_off()
    shelf.wait_for_selector("#file-format", timeout=60_000)
    chats = file_by_keyboard(shelf, typed="OpenAI chat", name="dry-skeps-v1-openai-all.jsonl", folder=tmp_path)
    pairs = file_by_keyboard(shelf, typed="DPO", name="dry-skeps-v1-trl-preference-all.jsonl", folder=tmp_path)
    prefs = file_by_keyboard(
        shelf, typed="OpenAI pref", name="dry-skeps-v1-openai-preference-all.jsonl", folder=tmp_path
    )
    [line] = lines_of(chats)
    assert chat_faults(line) == []
    assert [each["content"] for each in line["messages"]] == [question(DISPUTED), RIGHT]
    assert [preference_faults(each) for each in lines_of(prefs)] == [[]]
    [row] = loaded_as_preferences(pairs, cache=tmp_path / "cache")
    assert [row[name][0]["content"] for name in ("prompt", "chosen", "rejected")] == [
        question(DISPUTED), RIGHT, f"You said: {question(DISPUTED)}",
    ]  # fmt: skip


def fill_from_dislikes(overview: Any) -> None:
    """The button that brings in what came up before the queue was there."""
    tab_to(overview, "form[action$='/fill/'] button")
    overview.keyboard.press("Enter")
    overview.wait_for_selector(".notice, .toast, .messagelist")
