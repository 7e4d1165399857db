"""What a child says of itself: every odd thing it can send becomes a typed refusal, never a surprise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.sandbox.sidecar.supervisor.results import (
    NotStorable,
    ProtocolViolation,
    clean,
    console_text,
    read_result,
)


def answer(outputs: str) -> bytes:
    return b'{"ok":true,"outputs":' + outputs.encode("utf-8", "surrogatepass") + b',"cpu_ms":1.5,"peak_kb":100}'


def test_outputs_and_figures_are_taken_as_they_are() -> None:
    result = read_result(answer('{"a":[1,2.5,null,true,"é"],"b":{"c":{}}}'))
    assert result.outputs == {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}}
    assert (result.cpu_ms, result.peak_kb, result.error) == (1.5, 100, None)


@pytest.mark.parametrize(
    ("outputs", "path"),
    [
        ('{"a":NaN}', "outputs.a"),
        ('{"a":[0,{"b":Infinity}]}', "outputs.a[1].b"),
        ('{"a":-Infinity}', "outputs.a"),
        ('{"a":1e400}', "outputs.a"),
        ('{"a":-1E+999}', "outputs.a"),
        ('{"a":' + "9" * 400 + "e99}", "outputs.a"),
        ('{"a":' + "9" * 5000 + "}", "4300 digits"),
    ],
)
def test_a_number_that_json_cannot_hold_is_named_by_its_path(outputs: str, path: str) -> None:
    with pytest.raises(NotStorable, match=path.replace("[", r"\[").replace("]", r"\]")):
        read_result(answer(outputs))


@pytest.mark.parametrize("outputs", ['{"a":"NaN 1e400"}', '{"a":1e40}', '{"a":' + "9" * 4000 + "}"])
def test_what_only_looks_like_such_a_number_is_kept(outputs: str) -> None:
    assert read_result(answer(outputs)).outputs == json.loads(outputs)


@pytest.mark.parametrize("levels", [64, 63])
def test_sixty_four_levels_are_deep_enough(levels: int) -> None:
    assert read_result(answer('{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}")).outputs


@pytest.mark.parametrize("levels", [65, 1000, 300_000])
def test_deeper_outputs_are_refused_without_recursion(levels: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        nested = opening * (levels - 1) + ("1" if opening != "[" else "") + closing * (levels - 1)
        with pytest.raises(NotStorable, match="nested deeper than 64"):
            read_result(answer('{"a":' + nested + "}"))


def test_brackets_in_text_are_not_depth() -> None:
    text = '[{\\"' * 1000 + "\\\\"
    assert read_result(answer('{"a":"' + text + '"}')).outputs == {"a": '[{"' * 1000 + "\\"}


def test_a_wide_result_is_not_a_deep_one() -> None:
    outputs = read_result(answer('{"a":[' + "[],{}," * 10_000 + "1]}")).outputs
    assert outputs is not None
    assert len(outputs["a"]) == 20_001


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('{"a":"\\u0000b"}', {"a": "\ufffdb"}),
        ('{"\\u0000":1}', {"\ufffd": 1}),
        ('{"a":["\\ud800",{"b":"\\udfff"}]}', {"a": ["\ufffd", {"b": "\ufffd"}]}),
        ('{"a":"\\udc00"}', {"a": "\ufffd"}),
        ('{"\\uDFFF":1}', {"\ufffd": 1}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        ('{"a":"\\ude00\\ud83d"}', {"a": "\ufffd\ufffd"}),
    ],
)
def test_text_that_postgresql_cannot_hold_is_replaced(written: str, kept: dict[str, Any]) -> None:
    assert read_result(answer(written)).outputs == kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"ok":1}',
        b'{"ok":true}',
        b'{"ok":true,"outputs":[]}',
        b'{"ok":true,"outputs":{}} x',
        b'{"ok":true,"outputs":{"a":"\x00"}}',
        b'{"ok":true,"outputs":{"a":"\xff"}}',
        '{"ok":true,"outputs":{"a":"\ud800"}}'.encode("utf-8", "surrogatepass"),
        b'{"ok":false}',
        b'{"ok":false,"error":"x"}',
        b'{"ok":false,"error":{"type":1,"message":"x"}}',
        b'{"ok":false,"error":{"type":"x"}}',
        b'{"ok":false,"error":{"type":"x","message":"x","traceback":[]}}',
    ],
)
def test_what_no_runtime_of_ours_writes_breaks_the_protocol(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_result(body)


@pytest.mark.parametrize("forged", ["NaN", "1e400", "-1", "true", '"x"', "[]", "null", "1e30"])
def test_a_forged_figure_counts_as_nothing(forged: str) -> None:
    result = read_result(b'{"ok":true,"outputs":{},"cpu_ms":%s,"peak_kb":%s}' % ((forged.encode(),) * 2))
    assert (result.cpu_ms, result.peak_kb) == (0.0, 0)


def test_an_error_is_cut_to_size_and_cleaned() -> None:
    told = {"type": "E" * 1000, "message": "m\x00" * 50_000, "traceback": "t" * 500_000}
    error = read_result(json.dumps({"ok": False, "error": told}).encode()).error
    assert error is not None
    assert (len(error.type), len(error.message), len(error.traceback or "")) == (200, 8192, 32768)
    assert "\x00" not in error.message


def test_printed_bytes_become_text_whatever_they_are() -> None:
    assert console_text(b"a\x00b\xff" + "é".encode() + b"\xed\xa0\x80") == ("a\ufffdb\ufffdé\ufffd\ufffd\ufffd")
    assert clean("a\ud800") == "a\ufffd"
