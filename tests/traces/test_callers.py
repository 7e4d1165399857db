"""Runs that were called with a `traceparent`: their page leads to the caller, and the caller's page to them."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.traces.models import Span, Trace
from apps.traces.services.store_foreign import store_foreign
from support.trace_context import span_of_run, span_of_step
from tests.traces.test_foreign import span

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
SHOP = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def browse(client, operator):
    client.force_login(operator)

    def get(trace: Trace) -> str:
        return client.get(address(trace)).content.decode()

    return get


def address(trace: Trace) -> str:
    return reverse("admin:traces_trace_change", args=[trace.id])


def called_by(trace_id: str, span_key: str) -> dict[str, Any]:
    return {"traceparent": f"00-{trace_id}-{span_key}-01"}


def test_a_program_and_the_run_that_it_called_lead_to_each_other(browse, record, team):
    run = record(**called_by(SHOP, f"{2:016x}"))
    assert "a trace that is not kept here" in browse(run)
    assert SHOP in browse(run)
    store_foreign(team.id, [span(1, name="order", service="shop"), span(2, 1, name="POST /v1/chat-messages")])
    program = Trace.objects.get(source="otlp")
    asked = Span.objects.get(trace=program, key=f"{2:016x}")
    page = browse(run)
    assert f'href="{address(program)}?span={asked.id}"' in page
    assert "a trace that is not kept here" not in page
    page = browse(program)
    assert "Run called from here" in page
    assert f'href="{address(run)}"' in page
    assert f'href="?span={asked.id}"' in page


def test_a_run_that_calls_a_run_leads_to_that_one_and_not_to_those_it_calls_in_turn(browse, record):
    first = record()
    second = record(**called_by(first.id.hex, span_of_step(first.id, "", "find")))
    third = record(**called_by(first.id.hex, span_of_step(second.id, "", "find")))
    find = Span.objects.get(trace=first, node_id="find")
    assert f'href="{address(first)}?span={find.id}"' in browse(second)
    called = browse(first).split("data-called")[1:]
    assert len(called) == 1
    assert address(second) in called[0]
    page = browse(second)
    assert len(page.split("data-called")) == 2
    assert address(third) in page
    assert address(second) in browse(third).split("data-caller")[1]
    assert "data-called" not in browse(third)


def test_runs_that_the_same_program_called_do_not_lead_to_each_other(browse, record):
    one, other = record(**called_by(SHOP, f"{2:016x}")), record(**called_by(SHOP, f"{3:016x}"))
    for page in (browse(one), browse(other)):
        assert "data-called" not in page
        assert "a trace that is not kept here" in page


def test_a_call_that_names_the_run_itself_is_found_at_its_root(browse, record):
    first = record()
    second = record(**called_by(first.id.hex, span_of_run(first.id)))
    root = Span.objects.get(trace=first, kind="run")
    assert f'href="{address(first)}?span={root.id}"' in browse(second)


def test_nothing_leads_to_traces_of_another_team(browse, record, team):
    other = record(team_id=record().id)
    run = record(**called_by(other.id.hex, span_of_step(other.id, "", "find")))
    assert address(other) not in browse(run)


def test_many_runs_of_one_program_are_named_in_part_and_listed_whole(browse, record, team):
    store_foreign(team.id, [span(1, name="nightly", service="cron")])
    for _ in range(12):
        record(**called_by(SHOP, f"{1:016x}"))
    page = browse(Trace.objects.get(source="otlp"))
    assert len(page.split("data-called")) == 11
    assert f"?q={SHOP}" in page
