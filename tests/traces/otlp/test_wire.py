"""Exports off the wire: both encodings say the same, and what is wrong with one span is wrong with no other."""

from __future__ import annotations

import pytest

from apps.traces.dialects.json_form import read_json
from apps.traces.dialects.protobuf import read_protobuf
from apps.traces.dialects.reading import foreign_span
from apps.traces.dialects.wire import Unreadable
from tests.traces.otlp.sending import SPAN, TRACE, as_json, as_protobuf, attributes, export, span

FORMS = [(read_json, as_json), (read_protobuf, as_protobuf)]


def test_both_encodings_say_the_same():
    start = int(span()["startTimeUnixNano"])
    body = export(
        span(
            {"a": 1, "b": [1.5, {"c": True}], "d": "x"},
            parentSpanId="00f067aa0ba902b8",
            events=[{"name": "e", "timeUnixNano": str(start), "attributes": attributes({"k": "v"})}],
            status={"code": 2, "message": "no"},
        )
    )
    one, other = (foreign_span(read(form(body)).spans[0]) for read, form in FORMS)
    assert one == other
    assert (one.trace_id, one.key, one.parent_key, one.status) == (TRACE, SPAN, "00f067aa0ba902b8", "error")


@pytest.mark.parametrize(("read", "form"), FORMS)
def test_bad_spans_are_refused_and_their_neighbours_are_taken(read, form):
    bad = [
        span(traceId="00" * 16),
        span(traceId="4bf9"),
        span(spanId="00" * 8),
        span(spanId=""),
        span(parentSpanId="ab"),
        span(startTimeUnixNano="0"),
        span(startTimeUnixNano=str(2**63)),
    ]
    batch = read(form(export(span(name="first"), *bad, span(name="last"))))
    assert [each.name for each in batch.spans] == ["first", "last"]
    assert len(batch.refused) == len(bad)


def test_ids_in_json_are_hexadecimal_in_either_case_and_nothing_else():
    good = span(traceId=TRACE.upper(), parentSpanId="0" * 16)
    bad = [span(traceId="S/kvNXezTaajzpKdDg5HNg=="), span(traceId=7), span(spanId="g" * 16), "span", None, 3]
    batch = read_json(as_json(export(good, *bad)))
    assert [(each.trace_id, each.parent_id) for each in batch.spans] == [(TRACE, "")]
    assert len(batch.refused) == len(bad)


def test_a_parent_of_zeros_is_none():
    batch = read_protobuf(as_protobuf(export(span(parentSpanId="00" * 8))))
    assert batch.spans[0].parent_id == ""


def test_unknown_names_are_passed_over_and_numbers_may_be_numbers():
    given = span(startTimeUnixNano=1_700_000_000_000_000_000, flags=256, somethingNew={"a": 1})
    body = {**export(given), "new": [1]}
    assert read_json(as_json(body)).spans[0].start_ns == 1_700_000_000_000_000_000


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [3, {"scopeSpans": 7}]}'])
def test_an_empty_export_in_json_is_a_success(body):
    assert read_json(body).spans == []


def test_an_empty_export_in_protobuf_is_a_success():
    assert list(read_protobuf(b"").spans) == []


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (read_json, b"{"),
        (read_json, b"[]"),
        (read_json, b'"text"'),
        (read_json, b"[" * 5_000),
        (read_protobuf, b"\xff\xff\xff"),
        (read_protobuf, b"not protobuf at all"),
        (read_protobuf, b"\x0a\xff\xff\xff\xff\x0f"),
    ],
)
def test_what_is_no_export_is_refused_as_a_whole(read, body):
    with pytest.raises(Unreadable):
        read(body)


def test_half_a_letter_costs_nobody_the_batch():
    whole = as_json(export(span(name="bee"), span(name="cut CUT"), span(name="keep KEEP")))
    body = whole.replace(b"CUT", b"\\ud83d").replace(b"KEEP", b"\\\\ud83d \\ud83d\\udc1d")
    batch = read_json(body)
    assert [each.name for each in batch.spans] == ["bee", "cut \ufffd", "keep \\ud83d \U0001f41d"]
