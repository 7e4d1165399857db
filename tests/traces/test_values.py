"""Inputs and outputs of a step are values with names, not a document in JSON."""

import pytest

from apps.traces.admin.pages.values import values_put_out, values_taken_in
from apps.traces.models import Span

RUN = Span(kind=Span.Kind.RUN)
REQUEST = Span(kind="http")
STEP = Span(kind="code")


def shown(values):
    return [(one.name, one.form, one.value) for one in values]


def test_a_workflow_shows_its_outputs_and_no_answer_that_it_does_not_have():
    outputs = {"answer": "", "outputs": {"rest": 6.8, "steps": [3, 2], "done": True, "note": ""}}
    assert shown(values_put_out(RUN, outputs)) == [
        ("rest", "short", "6.8"),
        ("steps", "tree", [3, 2]),
        ("done", "short", "Yes"),
        ("note", "short", "–"),
    ]


def test_a_run_shows_what_it_was_started_with():
    assert shown(values_taken_in(RUN, {"query": "", "inputs": {"city": "Faro"}})) == [("city", "short", "Faro")]
    assert shown(values_taken_in(RUN, {"query": "why?", "inputs": {}})) == []


def test_a_request_tells_its_status_first_and_its_data_once():
    answer = {"body": '{"t": 21}', "json": {"t": 21}, "files": [], "status": 200, "headers": {"date": "today"}}
    assert shown(values_put_out(REQUEST, answer)) == [
        ("status", "short", "200"),
        ("body", "tree", {"t": 21}),
        ("headers", "tree", {"date": "today"}),
    ]


@pytest.mark.parametrize("body", ["<h1>Sorry</h1>", "{broken", None])
def test_a_body_that_is_no_data_stays_what_it_is(body):
    answer = {"body": body, "json": None, "files": [], "status": 503, "headers": {}}
    assert [one.name for one in values_put_out(REQUEST, answer)] == ["status", "body", "headers"]


def test_long_texts_and_those_of_several_lines_get_a_box():
    outputs = {"word": "hive", "letter": "Dear bees\nHello", "essay": "x" * 500, "0": 0}
    assert [one.form for one in values_put_out(STEP, outputs)] == ["short", "text", "text", "short"]
    assert values_put_out(STEP, outputs)[-1].value == "0"
