"""Documents whose runs requests and clocks begin: they can be published, and go back as they came."""

from __future__ import annotations

import pytest

from apps.workflows.dsl import compile_document
from apps.workflows.engine.runner import RunValues, execute
from tests.workflows.dsl.dify.documents import canvas, codes, edge, imported, lost_on_the_way, node, nodes_in
from tests.workflows.engine.ports_for_tests import ports

HOOK = node(
    "1",
    "trigger-webhook",
    "Hook",
    method="post",
    content_type="application/json",
    headers=[{"name": "X-Event", "type": "string", "required": False}],
    params=[{"name": "page", "type": "number", "required": False}],
    body=[
        {"name": "title", "type": "string", "required": True},
        {"name": "tags", "type": "array[string]", "required": False},
    ],
    status_code=200,
    response_body="OK",
    async_mode=True,
    timeout=30,
    webhook_url="",
)
CRON = node("2", "trigger-schedule", "Cron", mode="cron", cron_expression="*/5 9-17 * * 1-5", timezone="Asia/Tokyo")
MONTHLY = node(
    "3",
    "trigger-schedule",
    "Monthly",
    mode="visual",
    frequency="monthly",
    visual_config={"time": "12:30 AM", "monthly_days": [15, "last"]},
    timezone="UTC",
)
END = node(
    "9",
    "end",
    "End",
    outputs=[
        {"variable": "title", "value_selector": ["1", "title"]},
        {"variable": "event", "value_selector": ["1", "X_Event"]},
        {"variable": "raw", "value_selector": ["1", "_webhook_raw"]},
    ],
)
RAW = canvas([HOOK, CRON, MONTHLY, END], [edge("1", "9"), edge("2", "9"), edge("3", "9")], mode="workflow")


def test_triggers_become_entries_that_can_be_published():
    result = imported(RAW)
    assert (result.errors, codes(result)) == ([], set())
    found = nodes_in(result.document)
    assert found["hook"]["config"] == {
        "method": "POST",
        "content_type": "application/json",
        "headers": [{"name": "X-Event", "type": "string", "required": False}],
        "params": [{"name": "page", "type": "number", "required": False}],
        "body": [
            {"name": "title", "type": "string", "required": True},
            {"name": "tags", "type": "array[string]", "required": False},
        ],
        "respond": {"status": 200, "body": "OK"},
        "async": True,
    } | {key: value for key, value in found["hook"]["config"].items() if key.startswith("x-")}
    assert found["cron"]["config"] == {"cron": "*/5 9-17 * * 1-5", "timezone": "Asia/Tokyo"}
    assert found["monthly"]["config"] == {
        "every": "month", "at": "00:30", "days": [15, "last"], "timezone": "UTC",
    }  # fmt: skip
    assert found["end"]["config"]["outputs"]["raw"] == "hook.request"


async def test_an_imported_webhook_gives_what_its_document_refers_to():
    fired = {"values": {"title": "New", "X_Event": "push"}, "request": {"body": {"title": "New"}}}
    finished = await execute(
        compile_document(imported(RAW).document),
        run=RunValues(sys={"trigger": fired}),
        ports=ports(),
        emit=lambda _event: None,
        entry="hook",
    )
    assert finished.outputs == {"title": "New", "event": "push", "raw": {"body": {"title": "New"}}}


def test_they_go_back_as_they_came():
    gone = [line for line in lost_on_the_way(RAW) if "/data/method" not in line]  # Dify takes either case
    assert gone == []


@pytest.mark.parametrize(
    "broken",
    [
        {"cron_expression": "every day", "mode": "cron"},
        {"cron_expression": "0 0 30 2 *", "mode": "cron"},
        {"mode": "visual", "frequency": "weekly", "visual_config": {"weekdays": ["someday"], "time": "25:99"}},
    ],
)
def test_a_schedule_that_is_never_due_becomes_a_start_and_that_is_said(broken):
    raw = canvas([node("1", "trigger-schedule", "Odd", **broken), END], [edge("1", "9")], mode="workflow")
    result = imported(raw)
    assert result.errors == []
    assert nodes_in(result.document)["odd"]["type"] == "start"
    assert codes(result) & {"bad_schedule", "not_one_of"}
    assert lost_on_the_way(raw) == []


def test_beside_another_entry_it_stands_as_unavailable():
    broken = node("1", "trigger-schedule", "Odd", mode="cron", cron_expression="never")
    result = imported(canvas([broken, CRON, END], [edge("1", "9"), edge("2", "9")], mode="workflow"))
    assert result.errors == []
    assert {name: one["type"] for name, one in nodes_in(result.document).items() if name != "end"} == {
        "odd": "unavailable",
        "cron": "trigger-schedule",
    }


def test_a_place_that_nobody_knows_is_left_out_and_said():
    lost = node("1", "trigger-schedule", "Odd", mode="cron", cron_expression="0 9 * * *", timezone="Nowhere/At all")
    result = imported(canvas([lost, END], [edge("1", "9")], mode="workflow"))
    assert nodes_in(result.document)["odd"]["config"] == {"cron": "0 9 * * *"}
    assert "bad_schedule" in codes(result)
