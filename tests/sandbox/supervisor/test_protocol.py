"""The wire format: what is wrong with a request is named by its path, and both ends read what they wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.sandbox.protocol import (
    Language,
    Malformed,
    Maxima,
    Mode,
    RunError,
    RunLimits,
    RunRequest,
    RunResult,
    Status,
    Usage,
    parse_request,
    parse_result,
)

MAXIMA = Maxima()


def parse(**fields: Any) -> RunRequest:
    return parse_request(json.dumps({"code": "def main(): pass", **fields}).encode(), MAXIMA)


def test_a_request_needs_only_code() -> None:
    request = parse()
    assert (request.language, request.profile, request.mode) == (Language.PYTHON, "base", Mode.FUNCTION)
    assert request.limits == RunLimits()


@pytest.mark.parametrize(
    ("fields", "profile", "mode"),
    [
        ({"language": "javascript"}, "javascript", Mode.FUNCTION),
        ({"language": "javascript", "profile": "base"}, "javascript", Mode.FUNCTION),
        ({"profile": "template"}, "template", Mode.TEMPLATE),
        ({"profile": "template", "mode": "function"}, "template", Mode.FUNCTION),
        ({"profile": None, "inputs": None, "limits": None, "run_id": None}, "base", Mode.FUNCTION),
    ],
)
def test_language_and_profile_decide_what_is_left_out(fields: dict[str, Any], profile: str, mode: Mode) -> None:
    request = parse(**fields)
    assert (request.profile, request.mode) == (profile, mode)


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"code": 1}, "code", "a string"),
        ({"language": "ruby"}, "language", "one of python3, javascript"),
        ({"language": ["python3"]}, "language", "one of"),
        ({"inputs": []}, "inputs", "an object"),
        ({"profile": "../x"}, "profile", "name of a profile"),
        ({"profile": 7}, "profile", "name of a profile"),
        ({"mode": "template"}, "mode", "profile template only"),
        ({"mode": "shell"}, "mode", "one of"),
        ({"run_id": "a b"}, "run_id", "characters"),
        ({"run_id": "x" * 101}, "run_id", "1 to 100"),
        ({"run_id": "x\n"}, "run_id", "characters"),
        ({"run_id": ""}, "run_id", "1 to 100"),
        ({"limits": [1]}, "limits", "an object"),
        ({"limits": {"wall_s": 61}}, "limits.wall_s", "60.0 at most"),
        ({"limits": {"wall_s": 0}}, "limits.wall_s", "at least"),
        ({"limits": {"wall_s": "1"}}, "limits.wall_s", "a number"),
        ({"limits": {"wall_s": True}}, "limits.wall_s", "a number"),
        ({"limits": {"memory_mb": 4096}}, "limits.memory_mb", "1024 at most"),
        ({"limits": {"memory_mb": 1.5}}, "limits.memory_mb", "whole number"),
        ({"limits": {"memory_mb": 1}}, "limits.memory_mb", "at least"),
        ({"limits": {"output_bytes": -1}}, "limits.output_bytes", "at least"),
        ({"limits": {"seconds": 1}}, "limits.seconds", "not a field"),
        ({"wall_s": 1}, "wall_s", "not a field"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(fields: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as refused:
        parse(**fields)
    assert refused.value.path == path


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"code":"","inputs":{"a":NaN}}',
        b'{"code":"","inputs":{"a":1e400}}',
        b'{"code":"","limits":{"wall_s":1e400}}',
        b'{"code":"","inputs":{"a":' + b"9" * 5000 + b"}}",
        b"[" * 200_000,
        b'{"code":"","inputs":{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}}",
        b'{"code":"' + b"x" * (6 << 20) + b'"}',
    ],
)
def test_a_body_that_is_no_request_is_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_request(body, MAXIMA)


def test_defaults_bow_to_a_stricter_operator() -> None:
    maxima = Maxima(wall_s=2, output_bytes=10, result_bytes=20)
    limits = parse_request(b'{"code":""}', maxima).limits
    assert (limits.wall_s, limits.output_bytes, limits.result_bytes) == (2, 10, 20)


def test_a_request_is_read_as_it_was_written() -> None:
    request = RunRequest(
        code="def main(): return {}",
        inputs={"a": [1, "é", "\ud800"]},
        limits=RunLimits(wall_s=2.5, memory_mb=300),
        run_id="app:1.2_3-4",
    )
    assert parse_request(request.to_json(), MAXIMA) == request


def test_inputs_that_are_no_json_are_refused_where_they_are_written() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    for inputs in (loop, {"a": float("nan")}, {"a": object()}):
        with pytest.raises(Malformed) as refused:
            RunRequest(code="", inputs=inputs).to_json()
        assert refused.value.path == "inputs"


@pytest.mark.parametrize(
    "result",
    [
        RunResult(status=Status.OK, outputs={"a": "é"}, stdout="o", usage=Usage(wall_ms=1.5, cpu_ms=1.0, peak_kb=9)),
        RunResult(status=Status.KILLED, error=RunError(type="T", message="m", traceback=None, system_call="ptrace")),
    ],
)
def test_a_result_is_read_as_it_was_written(result: RunResult) -> None:
    assert parse_result(result.to_json()) == result


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"status":"fine","stdout":"","stderr":""}',
        b'{"status":"ok","stdout":"","stderr":""}',
        b'{"status":"error","stdout":"","stderr":"","usage":{"peak_kb":1e400}}',
        b'{"status":"error","stdout":"","stderr":"","usage":{"peak_kb":"x"}}',
        b'{"status":"error","stdout":"","stderr":"","usage":{"wall_ms":1%s}}' % (b"0" * 400),
        b'{"status":"error","stdout":"","stderr":"","usage":{"cpu_ms":-1e300}}',
        b'{"status":"error","stdout":"","stderr":"","error":"x"}',
    ],
)
def test_an_answer_that_is_no_result_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_result(body)
