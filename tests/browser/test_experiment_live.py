"""An experiment followed in a browser while a real worker is at it: rows, money and time move by themselves; a worker
that is killed is missed on the page, and another one brings it to its end without a reload."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from django.db import connections
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from apps.annotations import tasks
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Experiment, GoldenSet, Result
from apps.annotations.selectors.experiment_pace import SILENT_S
from apps.annotations.services.evaluators import save_evaluator
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application, Run
from tests.browser.conftest import aside
from tests.model_runtime.openai_server import OpenAIServer
from tests.server import celery_worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "traces"])]
ITEMS = 20


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    expect.set_options(timeout=90_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def worker_environment(model: OpenAIServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": model.base_url, "MODEL_MAP": '{"*": "openai/slow"}'}


@pytest.fixture
def golden(team: Team, member: User) -> GoldenSet:
    made = GoldenSet.objects.create(team=team, name="Spring")
    add_items(made, [NewItem(question=f"Question {number}?", expected="word59") for number in range(ITEMS)], by=member)
    save_evaluator(
        team_id=team.id, name="Contains", kind="contains", config={"words": ["word59"]}, pass_at=1, by=member
    )
    return made


def kill(worker: subprocess.Popen[bytes]) -> None:
    """The worker with its children, at once: nobody says goodbye."""
    children = psutil.Process(worker.pid).children(recursive=True)
    for process in [*children, psutil.Process(worker.pid)]:
        os.kill(process.pid, signal.SIGKILL)
    worker.wait()


def long_ago(*, seconds: float) -> None:
    """What the clock does by itself, only sooner: nobody has been heard of for so long."""
    connections.close_all()
    then = timezone.now() - dt.timedelta(seconds=seconds)
    Result.objects.filter(status="running").update(lease_until=then)
    Run.objects.filter(status="running").update(lease_until=then)
    Experiment.objects.filter(status="running").update(beat_at=then)


def test_an_experiment_is_followed_through_the_death_of_its_worker(
    slow_server: str,
    member: User,
    golden: GoldenSet,
    worker_environment: dict[str, str],
    open_page: Callable[..., Page],
    make_app: Callable[..., Application],
) -> None:
    app = make_app()
    page = open_page(slow_server, f"/admin/annotations/experiment/add/?set={golden.id}@1&app={app.slug}", user=member)
    reloads: list[str] = []
    page.get_by_role("checkbox", name="Contains").check()
    page.locator("summary", has_text="Budget, speed and name").click()
    page.get_by_label("Items at once").fill("2")
    page.get_by_role("button", name="Run the experiment").click()
    progress = page.locator(".experiment-progress")
    expect(progress).to_contain_text(f"0 of {ITEMS} items")
    page.on("framenavigated", lambda frame: reloads.append(frame.url))
    # Nobody works yet, and the page says so.
    long_ago_queued()
    expect(page.locator("[data-worker=awaited]")).to_contain_text("Waiting for a worker.")

    with celery_worker(**worker_environment) as worker:
        expect(page.locator("[data-worker]")).to_have_count(0)
        expect(page.locator("#experiment-results td .experiment-good").first).to_be_visible()
        expect(page.locator("[data-time-left]")).to_contain_text("left")
        expect(page.locator(".experiment-spent")).to_contain_text("Calls of models")
        page.wait_for_function("() => /^[1-9]/.test(document.querySelector('.experiment-spent dd').textContent)")
        kill(worker)
        done = Experiment.objects.get().results.filter(status="completed").count()
        assert 0 < done < ITEMS
        long_ago(seconds=SILENT_S + 5)
        expect(page.locator("[data-worker=silent]")).to_contain_text("Its worker is not heard of.")
        long_ago(seconds=300)
        expect(page.locator("[data-worker=lost]")).to_contain_text("No worker goes on with it.")
        assert reloads == []
    with celery_worker(**worker_environment):
        assert aside(tasks.go_on_with_experiments) == 1
        expect(page.locator("[data-worker]")).to_have_count(0)
        expect(progress).to_contain_text(f"{ITEMS} of {ITEMS} items")
        expect(progress.locator(".pill")).to_contain_text("Completed")
        expect(page.locator("#experiment-results td .experiment-good")).to_have_count(ITEMS)


def test_stopping_by_keyboard_is_shown_at_once(
    slow_server: str,
    member: User,
    golden: GoldenSet,
    worker_environment: dict[str, str],
    open_page: Callable[..., Page],
    make_app: Callable[..., Application],
) -> None:
    app = make_app()
    page = open_page(slow_server, f"/admin/annotations/experiment/add/?set={golden.id}@1&app={app.slug}", user=member)
    page.get_by_role("checkbox", name="Contains").check()
    page.locator("summary", has_text="Budget, speed and name").click()
    page.get_by_label("Items at once").fill("2")
    page.get_by_role("button", name="Run the experiment").click()
    with celery_worker(**worker_environment):
        page.wait_for_function("() => document.querySelector('.experiment-progress progress')?.value > 0")
        stop = page.get_by_role("button", name="Stop")
        stop.focus()
        # The moving part is drawn anew again and again; who stands on the button keeps standing there.
        with page.expect_response(lambda answer: "/experiment/" in answer.url):
            pass
        expect(stop).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".experiment-progress .pill")).to_contain_text("Stopped")
    connections.close_all()
    experiment = Experiment.objects.get()
    assert set(experiment.results.values_list("status", flat=True)) == {"completed", "left-out"}


def long_ago_queued() -> None:
    connections.close_all()
    then: Any = timezone.now() - dt.timedelta(seconds=SILENT_S + 5)
    Experiment.objects.filter(status="queued").update(beat_at=then)
