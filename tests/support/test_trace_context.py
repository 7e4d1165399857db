"""Trace context of callers: what is read from headers, and what a run passes on."""

from __future__ import annotations

import pytest

from apps.traces.recorder.shapes import key_of, stable_id
from support.ids import uuid7
from support.trace_context import (
    NO_CONTEXT,
    context_of,
    context_of_run,
    headers_passed_on,
    passing_on,
    read_context,
    span_of_run,
    span_of_step,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_callers_trace_is_read_from_its_headers():
    found = context_of({"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "congo=t61rcWkgMzE"})
    assert (found.trace_id, found.span_id, found.flags, found.state) == (TRACE, SPAN, "00", "congo=t61rcWkgMzE")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_a_header_that_cannot_be_read_is_as_good_as_none(header):
    assert read_context(header) == NO_CONTEXT
    assert not read_context(header)


def test_later_versions_of_the_header_are_read_as_far_as_they_are_known():
    assert read_context(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings").trace_id == TRACE


def test_a_state_that_is_too_long_is_left_out_and_its_trace_is_kept():
    found = read_context(f"00-{TRACE}-{SPAN}-01", "a=" + "x" * 600)
    assert (found.trace_id, found.state) == (TRACE, "")


def test_a_run_passes_on_the_callers_trace_with_itself_as_the_parent():
    run_id = uuid7()
    with passing_on(context_of_run(run_id, read_context(f"00-{TRACE}-{SPAN}-01", "a=b"))):
        sent = headers_passed_on()
    assert sent == {"traceparent": f"00-{TRACE}-{span_of_run(run_id)}-01", "tracestate": "a=b"}
    assert headers_passed_on() == {}


def test_a_step_that_sends_is_named_instead_of_its_run():
    run_id = uuid7()
    sending = [""]
    with passing_on(context_of_run(run_id, NO_CONTEXT), at=lambda: sending[0]):
        assert headers_passed_on()["traceparent"].split("-")[2] == span_of_run(run_id)
        sending[0] = span_of_step(run_id, "loop:1", "fetch")
        assert headers_passed_on()["traceparent"] == f"00-{run_id.hex}-{sending[0]}-01"
    places = [("", "fetch"), ("loop:0", "fetch"), ("loop:1", "fetch"), ("", "ask")]
    assert len({span_of_step(run_id, *place) for place in places} | {span_of_run(run_id)}) == 5


def test_a_run_that_nobody_traced_passes_on_a_trace_of_its_own():
    run_id = uuid7()
    assert context_of_run(run_id, NO_CONTEXT).traceparent == f"00-{run_id.hex}-{span_of_run(run_id)}-01"


def test_the_span_that_others_are_told_is_the_one_that_is_recorded():
    run_id = uuid7()
    for at_us in (0, 1_700_000_000_000_000):
        assert span_of_run(run_id) == key_of(stable_id(run_id, of="span", position=0, at_us=at_us))
