"""Schedules: each due time begins one run, however many look and however long nobody did."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from apps.workflows import services
from apps.workflows.models import Firing, Run, Trigger
from apps.workflows.selectors.triggers import next_times
from apps.workflows.services import fire_due_triggers, run_schedule_now, switch_trigger
from apps.workflows.services.triggers import keep_triggers_in_step
from support.errors import Conflict
from support.jobs import enqueue
from tests.workflows.talking import eventually
from tests.workflows.triggers.hooks import hooked, ticking

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

NOON = dt.datetime(2026, 6, 1, 12, 0, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def hourly(make_app, empty_queue):
    """A schedule that was published at noon and a half minute."""
    app = make_app(ticking(every="hour", timezone="Europe/Berlin"))
    Trigger.objects.update(is_published=False)
    keep_triggers_in_step(app, app.live, now=NOON)
    return app


def trigger():
    return Trigger.objects.get()


def finished():
    """Outputs of all runs, once workers have executed them."""
    for run in Run.objects.filter(epoch=0):
        services.go_on_with_run(run.id)
    return [run.outputs for run in Run.objects.order_by("id")]


def test_a_due_time_begins_one_run_and_the_next_is_known(hourly):
    assert trigger().next_at == NOON.replace(hour=13, second=0)
    assert fire_due_triggers(now=NOON) == 0
    due = NOON.replace(hour=13)
    assert fire_due_triggers(now=due) == 1
    assert fire_due_triggers(now=due) == 0
    assert finished() == [{"due": "2026-06-01T15:00:00+02:00", "missed": 0}]
    assert trigger().next_at == NOON.replace(hour=14, second=0)
    assert (trigger().fired, trigger().missed, trigger().last_at) == (1, 0, due)
    run = Run.objects.get()
    assert (run.source, run.entry, run.end_user) == ("trigger", "tick", "tick")


def test_of_what_was_missed_the_latest_begins_a_run_that_says_how_many(hourly):
    assert fire_due_triggers(now=NOON + 5 * HOUR) == 1
    assert finished() == [{"due": "2026-06-01T19:00:00+02:00", "missed": 4}]
    assert (trigger().fired, trigger().missed) == (1, 4)
    assert Firing.objects.get().due_at == NOON.replace(hour=17, second=0)
    assert trigger().next_at == NOON.replace(hour=18, second=0)


def test_workers_that_look_at_once_begin_each_due_time_once(make_app, empty_queue):
    for number in range(6):
        make_app(ticking(f"Ticking {number}", every="hour"))
    Trigger.objects.update(next_at=NOON)
    counts, ready = [], threading.Barrier(4)

    def look():
        ready.wait()
        counts.append(fire_due_triggers(now=NOON))
        connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 6
    assert Run.objects.count() == Firing.objects.count() == 6
    assert Firing.objects.values("trigger", "due_at").distinct().count() == 6


def test_a_due_time_that_had_its_run_never_gets_another(hourly):
    due = NOON.replace(hour=13, second=0)
    assert fire_due_triggers(now=due) == 1
    Trigger.objects.update(next_at=due)  # as if the row had been written back by somebody
    assert fire_due_triggers(now=due) == 1
    assert Run.objects.count() == 1
    assert trigger().next_at == due + HOUR


def test_a_schedule_that_is_switched_off_makes_up_for_nothing(hourly):
    switch_trigger(trigger(), is_enabled=False)
    assert (trigger().next_at, next_times(trigger())) == (None, [])
    assert fire_due_triggers(now=NOON + 3 * HOUR) == 0
    switch_trigger(trigger(), is_enabled=True, now=NOON + 3 * HOUR)
    assert fire_due_triggers(now=NOON + 3 * HOUR) == 0
    assert next_times(trigger(), count=2) == [NOON.replace(hour=16, second=0), NOON.replace(hour=17, second=0)]


def test_publishing_the_same_schedule_keeps_its_time_and_another_begins_anew(hourly, make_app):
    later = NOON + 3 * HOUR
    keep_triggers_in_step(hourly, hourly.live, now=later)
    assert trigger().next_at == NOON.replace(hour=13, second=0)
    app = make_app(ticking(every="day", at="09:00"))
    keep_triggers_in_step(app, app.live, now=later)
    assert trigger().next_at > timezone.now()
    assert trigger().config == {"every": "day", "at": "09:00"}
    make_app(hooked("Ticking"))
    gone = Trigger.objects.get(node_id="tick")
    assert (gone.is_published, gone.next_at) == (False, None)
    assert fire_due_triggers(now=NOON + 1000 * HOUR) == 0


def test_a_run_that_cannot_begin_is_told_and_the_schedule_goes_on(hourly, make_app):
    document = ticking(every="hour", timezone="Europe/Berlin")
    document["variables"] = {"environment": [{"name": "token", "type": "secret"}]}
    document["nodes"][1]["config"]["outputs"]["token"] = "env.token"
    make_app(document)
    Trigger.objects.update(next_at=NOON)
    assert fire_due_triggers(now=NOON) == 1
    assert not Run.objects.exists()
    assert Firing.objects.get().run is None
    assert "token" in trigger().last_error
    assert trigger().next_at == NOON.replace(hour=13, second=0)


def test_a_schedule_is_run_at_once_beside_its_times(hourly):
    firing = run_schedule_now(trigger(), now=NOON)
    assert firing.due_at is None
    assert finished() == [{"due": "2026-06-01T14:00:30+02:00", "missed": 0}]
    assert trigger().next_at == NOON.replace(hour=13, second=0)
    Trigger.objects.update(is_published=False)
    with pytest.raises(Conflict):
        run_schedule_now(trigger())


def test_times_are_claimed_through_an_index(hourly):
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM workflows_trigger WHERE kind = 'trigger-schedule' AND is_enabled AND is_published "
            "AND next_at <= now() ORDER BY next_at LIMIT 1"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    assert "trigger_due" in plan


def test_a_worker_fires_what_is_due_and_executes_it(hourly, start_worker):
    Trigger.objects.update(next_at=timezone.now())
    start_worker()
    enqueue("workflows.fire_due_triggers")
    run = eventually(lambda: Run.objects.filter(status="succeeded").first(), within=60)
    assert run.outputs["missed"] == 0
    assert Firing.objects.get().run_id == run.id
