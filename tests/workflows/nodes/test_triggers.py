"""Triggers in documents: what may be written, when schedules are due, and which entry of several runs."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from apps.workflows.dsl import compile_document, load, validate
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.nodes.recurrence import due_after, missed_between
from tests.workflows.engine.ports_for_tests import ports

BERLIN = ZoneInfo("Europe/Berlin")


def workflow(*triggers, kind="workflow", edges=None):
    return {
        "skep": 1,
        "app": {"name": "Set off", "kind": kind},
        "nodes": [*triggers, {"id": "end", "type": "end", "config": {"outputs": {"x": "sys.run_id"}}}],
        "edges": edges or [{"from": one["id"], "to": "end"} for one in triggers],
    }


def hook(**config):
    return {"id": "hook", "type": "trigger-webhook", "config": config}


def schedule(**config):
    return {"id": "tick", "type": "trigger-schedule", "config": config}


def codes(document):
    return [(problem.code, problem.path) for problem in validate(document) if problem.severity == "error"]


def local(config, after, count, zone=BERLIN):
    times = islice(due_after({"timezone": zone.key, **config}, after), count)
    return [time.astimezone(zone).strftime("%m-%d %H:%M %Z") for time in times]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"every": "hour", "minute": 15}, ["01-30 14:15 CET", "01-30 15:15 CET", "01-30 16:15 CET"]),
        ({"every": "day", "at": "07:30"}, ["01-31 07:30 CET", "02-01 07:30 CET", "02-02 07:30 CET"]),
        ({"every": "day"}, ["01-31 00:00 CET", "02-01 00:00 CET", "02-02 00:00 CET"]),
        (
            {"every": "week", "at": "09:05", "weekdays": ["fri", "mon"]},
            ["02-02 09:05 CET", "02-06 09:05 CET", "02-09 09:05 CET"],
        ),
        ({"every": "month", "days": [31, "last"]}, ["01-31 00:00 CET", "02-28 00:00 CET", "03-31 00:00 CEST"]),
        ({"cron": "0 9 * * MON#1"}, ["02-02 09:00 CET", "03-02 09:00 CET", "04-06 09:00 CEST"]),
    ],
)
def test_every_form_of_a_schedule_is_due_on_the_clock_of_its_place(config, expected):
    assert local(config, dt.datetime(2026, 1, 30, 12, 15, tzinfo=dt.UTC), 3) == expected


def test_a_fixed_time_in_the_hour_that_is_left_out_is_due_right_after_it():
    before = dt.datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert local({"every": "day", "at": "02:30"}, before, 2) == ["03-29 03:00 CEST", "03-30 02:30 CEST"]


def test_a_fixed_time_in_the_hour_that_comes_twice_is_due_once_but_an_hourly_one_twice():
    before = dt.datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    assert local({"every": "day", "at": "02:30"}, before, 2) == ["10-25 02:30 CEST", "10-26 02:30 CET"]
    midnight = dt.datetime(2026, 10, 25, 0, 45, tzinfo=BERLIN)
    assert local({"every": "hour", "minute": 30}, midnight, 4) == [
        "10-25 01:30 CEST", "10-25 02:30 CEST", "10-25 02:30 CET", "10-25 03:30 CET",
    ]  # fmt: skip


def test_of_missed_times_the_latest_counts_and_the_others_are_counted():
    config = {"every": "hour"}
    first = dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
    assert missed_between(config, first, first + dt.timedelta(minutes=59)) == (first, 0)
    assert missed_between(config, first, first + dt.timedelta(hours=5)) == (first + dt.timedelta(hours=5), 5)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (schedule(), [("required", "/nodes/0/config")]),
        (schedule(cron="* * * *"), [("too_short", "/nodes/0/config/cron")]),
        (schedule(cron="61 * * * *"), [("bad_schedule", "/nodes/0/config/cron")]),
        (schedule(cron="* * * * * *"), [("bad_schedule", "/nodes/0/config/cron")]),
        (schedule(cron="0 0 30 2 *"), [("bad_schedule", "/nodes/0/config/cron")]),
        (schedule(every="day", timezone="Mars/Olympus"), [("bad_schedule", "/nodes/0/config/timezone")]),
        (schedule(every="day", timezone="../../etc/passwd"), [("bad_schedule", "/nodes/0/config/timezone")]),
        (schedule(every="day", at="24:00"), [("bad_format", "/nodes/0/config/at")]),
        (hook(method="TRACE"), [("not_one_of", "/nodes/0/config/method")]),
        (
            hook(headers=[{"name": "X-A"}], params=[{"name": "X_A"}]),
            [("duplicate_name", "/nodes/0/config/params/0/name")],
        ),
        (hook(body=[{"name": "paper", "type": "file"}]), [("wrong_body", "/nodes/0/config/body/0/type")]),
        (
            hook(content_type="text/plain", body=[{"name": "a", "type": "number"}, {"name": "b"}]),
            [("wrong_body", "/nodes/0/config/body/1"), ("wrong_body", "/nodes/0/config/body/0/type")],
        ),
        (hook(respond={"body": "{{ nobody.x }}"}), [("unknown_reference", "/nodes/0/config/respond/body")]),
        (hook(respond={"body": "{{ end.y }}"}), [("unknown_output", "/nodes/0/config/respond/body")]),
        (hook(respond={"body": "{{ end.x }} {{ hook.request }}"}), []),
        (
            hook(respond={"body": "{{ end.x }}"}, **{"async": True}),
            [("not_upstream", "/nodes/0/config/respond/body")],
        ),
    ],
)
def test_what_is_wrong_with_a_trigger_is_said_when_it_is_saved(trigger, expected):
    assert codes(workflow(trigger)) == expected


def test_triggers_begin_workflows_and_nothing_leads_to_one():
    into = [{"from": "tick", "to": "hook"}, {"from": "hook", "to": "end"}]
    assert ("edge_into_start", "/edges/0/to") in codes(workflow(schedule(every="day"), hook(), edges=into))
    assert ("wrong_for_kind", "/nodes/0/type") in codes(workflow(hook(), kind="chat"))


SEVERAL = """
skep: 1
app: {name: Several, kind: workflow}
nodes:
  - {id: start, type: start}
  - {id: hook, type: trigger-webhook, config: {body: [{name: word}]}}
  - {id: tick, type: trigger-schedule, config: {every: day}}
  - {id: either, type: variable-aggregator, config: {variables: [hook.word, tick.due_at]}}
  - {id: end, type: end, config: {outputs: {value: either.output}}}
edges:
  - {from: start, to: either}
  - {from: hook, to: either}
  - {from: tick, to: either}
  - {from: either, to: end}
"""


@pytest.mark.parametrize(
    ("entry", "fired", "value"),
    [
        ("hook", {"values": {"word": "bee"}}, "bee"),
        ("tick", {"due_at": "2026-01-01T00:00:00+00:00"}, "2026-01-01T00:00:00+00:00"),
        ("start", None, None),
    ],
)
async def test_of_several_entries_only_the_one_that_fired_runs(entry, fired, value):
    document = load(SEVERAL)
    assert codes(document) == []
    events = []
    finished = await execute(
        compile_document(document),
        run=RunValues(sys={"trigger": fired}),
        ports=ports(),
        emit=events.append,
        entry=entry,
    )
    assert finished.outputs == {"value": value}
    began = [event.node_id for event in events if type(event).__name__ == "NodeStarted"]
    assert began == [entry, "either", "end"]
