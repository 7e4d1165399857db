"""Queues that are filled from traces: errors, costs, samples and saved views."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Role, Team
from apps.annotations.services.feeding import feed_continuously, fill_queue
from apps.traces.models import SavedView, Trace
from tests.annotations.test_queues import make_config, make_queue, person

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


def make_trace(team: Team, **more: Any) -> Trace:
    values = {
        "team_id": team.id,
        "application_name": "Shop",
        "source": "otlp",
        "name": "chat",
        "status": "succeeded",
        "started_at": timezone.now(),
        "duration_us": 1_000,
        "input": {"query": "Where is my honey?"},
        "output": {"answer": "On its way."},
    }
    return Trace.objects.create(**{**values, **more})


def since() -> dt.datetime:
    return timezone.now() - dt.timedelta(hours=1)


def test_errors_and_expensive_runs_enter_with_their_texts_and_once(team):
    failed = make_trace(team, status="failed", error_message="The model refused.")
    dear = make_trace(team, cost="0.75")
    make_trace(Team.objects.create(slug="wasps", name="Wasps"), status="failed", cost="3")
    config = make_config(team)
    errors = make_queue(team, configs=[config], name="Errors", feed="errors")
    costs = make_queue(team, configs=[config], name="Costs", feed="expensive", feed_options={"cost": "0.5"})
    for queue, trace in ((errors, failed), (costs, dear)):
        assert fill_queue(queue, since=since()) == 1
        assert fill_queue(queue, since=since()) == 0
        item = queue.items.get()
        assert (item.subject_kind, item.subject_id, item.trace_id) == ("trace", trace.id, trace.id)
        assert (item.question, item.answer) == ("Where is my honey?", "On its way.")
    assert errors.items.get().remark == "The model refused."


def test_what_is_recorded_after_a_queue_was_made_enters_by_itself(team):
    make_trace(team, started_at=timezone.now() - dt.timedelta(minutes=5))
    queue = make_queue(team, feed="sample", feed_options={"percent": 100})
    new = make_trace(team)
    assert feed_continuously() == 1
    assert queue.items.get().subject_id == new.id
    assert feed_continuously() == 0
    queue.refresh_from_db()
    assert queue.fed_until is not None


def test_a_saved_view_fills_a_queue_and_its_loss_is_told(team):
    edna = person(team, "edna", Role.EDITOR)
    view = SavedView.objects.create(
        team_id=team.id, user_id=edna.id, table="traces", name="Slow", query="since=15m&slower=2000&sort=slowest"
    )
    queue = make_queue(team, feed="view", feed_options={"view": str(view.id)}, created_by=edna)
    make_trace(team)
    slow = make_trace(team, duration_us=3_000_000)
    assert feed_continuously() == 1
    assert queue.items.get().subject_id == slow.id
    view.delete()
    assert feed_continuously() == 0
    queue.refresh_from_db()
    assert queue.feed_error == "There is no such view."
