"""How far an experiment is while it goes on: what is left, what it will cost, and whether anybody is at it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from apps.annotations.admin.experiment_words import time_left_in_words
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.selectors.experiment_pace import pace_of
from apps.annotations.selectors.experiments import progress_of
from apps.annotations.services.experiments import begin_experiment
from apps.workflows.models import Application

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


@pytest.fixture
def going(
    app: Application, golden: Callable[..., GoldenSet], evaluator: Callable[..., Evaluator], editor: User
) -> Experiment:
    """Ten items, of which one was answered every ten seconds."""
    spring = golden(*[f"Question {number}?" for number in range(10)])
    made = begin_experiment(
        spring, app=app.slug, version=None, evaluators=[evaluator()], by=editor, in_background=False
    )
    now = timezone.now()
    for place, row in enumerate(made.results.order_by("number")[:5]):
        row.status, row.finished_at = "completed", now - dt.timedelta(seconds=10 * (4 - place))
        row.save()
    told = {"status": "running", "started_at": now - dt.timedelta(seconds=50), "beat_at": now, "cost": Decimal("0.05")}
    Experiment.objects.filter(id=made.id).update(**told)
    made.refresh_from_db()
    return made


def pace(experiment: Experiment, **changes: Any) -> Any:
    Experiment.objects.filter(id=experiment.id).update(**changes)
    experiment.refresh_from_db()
    return pace_of(experiment, progress_of(experiment))


def test_what_is_left_goes_by_the_newest_answers(going: Experiment) -> None:
    found = pace(going)
    assert 35 < found.seconds_left <= 50
    assert found.cost_at_end == Decimal("0.1")
    assert found.worker == "at-work"
    # Calls without a price: nobody knows what the end will cost.
    assert pace(going, unpriced_calls=1).cost_at_end is None
    going.results.exclude(number=1).update(status="waiting", finished_at=None)
    assert pace(going, unpriced_calls=0).cost_at_end is None
    going.results.update(status="waiting", finished_at=None)
    assert pace(going).seconds_left is None
    assert pace(going, status="stopped") == pace_of(going, progress_of(going))
    assert pace(going).seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (3, "a few seconds left"),
        (42, "about 40 s left"),
        (600, "about 10 min left"),
        (9_000, "about 2 h left"),
    ],
)
def test_time_left_is_said_no_closer_than_it_is_known(seconds: float | None, words: str) -> None:
    assert time_left_in_words(seconds) == words


def test_the_page_says_when_no_worker_is_at_it(
    client: Client, going: Experiment, editor: User, django_assert_max_num_queries: Any
) -> None:
    client.force_login(editor)
    address = reverse("admin:annotations_experiment", args=[going.id])

    def shown() -> str:
        return client.get(address, headers={"HX-Request": "true"}).content.decode()

    with django_assert_max_num_queries(20):
        text = shown()
    assert "data-time-left" in text
    assert "$0.10 in the end" in text
    assert "data-worker" not in text
    now = timezone.now()
    for status, silence, told in (
        ("queued", 30, "awaited"),
        ("running", 30, "silent"),
        ("running", 300, "lost"),
    ):
        pace(going, status=status, beat_at=now - dt.timedelta(seconds=silence))
        text = shown()
        assert f'data-worker="{told}"' in text
        assert "data-time-left" not in text
    # The table below asks for the page and takes itself out of it.
    whole = client.get(address, headers={"HX-Request": "true", "HX-Target": "experiment-results"}).content.decode()
    assert 'id="experiment-results"' in whole
    pace(going, status="completed")
    assert "hx-get" not in client.get(address).content.decode()
