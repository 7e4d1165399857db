"""The sandbox's wire format: what a request may say, what a result says, and the limits of both.

Standard library only: the sidecar and the Django client share this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from apps.sandbox.strict_json import Malformed as Malformed  # a part of this module's own interface
from apps.sandbox.strict_json import decode, encode

MEBIBYTE = 1 << 20
KIBIBYTE = 1 << 10
#: A run id is chosen by the client, so that it can kill a run whose answer it has not got yet.
RUN_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}\Z")
PROFILE = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
JAVASCRIPT_PROFILE = "javascript"
TEMPLATE_PROFILE = "template"
DEFAULT_PROFILE = "base"
LEAST_WALL_S = 0.05
#: Of what a run used, in any unit: beyond it, or without an end, it is none that could be kept.
MOST_OF_A_FIGURE = 1e15
LEAST_MEMORY_MB = 32
_Choice = TypeVar("_Choice", bound=StrEnum)


class Language(StrEnum):
    """What code can be written in."""

    PYTHON = "python3"
    JAVASCRIPT = "javascript"


class Mode(StrEnum):
    """How the code is run: `main(**inputs)`, as a whole script (Dify's shape), or as a Jinja2 template."""

    FUNCTION = "function"
    SCRIPT = "script"
    TEMPLATE = "template"


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """What one run may use. None means the default of the profile."""

    wall_s: float = 10.0
    memory_mb: int | None = None
    cpu_s: int | None = None
    output_bytes: int = 256 * KIBIBYTE
    result_bytes: int = MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Maxima:
    """The most that a request may ask for: the operator's settings."""

    wall_s: float = 60.0
    memory_mb: int = 1024
    cpu_s: int = 60
    output_bytes: int = 4 * MEBIBYTE
    result_bytes: int = 4 * MEBIBYTE
    body_bytes: int = 6 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One run: the code, its inputs, and what it may use."""

    code: str
    language: Language = Language.PYTHON
    inputs: Mapping[str, Any] = field(default_factory=dict)
    profile: str = DEFAULT_PROFILE
    mode: Mode = Mode.FUNCTION
    limits: RunLimits = field(default_factory=RunLimits)
    run_id: str | None = None

    def to_json(self) -> bytes:
        """Write the request as the body of `POST /v1/run`; raises Malformed if JSON cannot hold the inputs."""
        limits = {name: value for name, value in asdict(self.limits).items() if value is not None}
        body: dict[str, Any] = {
            "language": self.language.value,
            "code": self.code,
            "inputs": dict(self.inputs),
            "profile": self.profile,
            "mode": self.mode.value,
            "limits": limits,
        }
        if self.run_id is not None:
            body["run_id"] = self.run_id
        return encode(body, path="inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """Why a run did not end well, in words for the code's author."""

    type: str
    message: str
    traceback: str | None = None
    system_call: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run used; 0 where the run ended before it could be measured."""

    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    peak_kb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run answered. `outputs` is there when, and only when, the status is ok."""

    status: Status
    outputs: Mapping[str, Any] | None = None
    error: RunError | None = None
    stdout: str = ""
    stderr: str = ""
    usage: Usage = field(default_factory=Usage)

    def to_json(self) -> bytes:
        """Write the result as the body of the answer to `POST /v1/run`."""
        return json.dumps(
            {
                "status": self.status.value,
                "outputs": self.outputs,
                "error": asdict(self.error) if self.error else None,
                "stdout": self.stdout,
                "stderr": self.stderr,
                "usage": asdict(self.usage),
            },
            ensure_ascii=False,
            allow_nan=False,
        ).encode()


def parse_request(body: bytes, maxima: Maxima) -> RunRequest:
    """Read the body of `POST /v1/run`; raises Malformed with the path of the first thing wrong."""
    if len(body) > maxima.body_bytes:
        raise Malformed("", f"is larger than {maxima.body_bytes} bytes")
    fields = _object(decode(body), "")
    _only(fields, {"language", "code", "inputs", "limits", "profile", "mode", "run_id"}, "")
    language = _choice(fields, "language", Language, Language.PYTHON)
    profile = _profile(fields, language)
    inputs = _object(_given(fields, "inputs"), "inputs")
    encode(inputs, path="inputs")  # 1e400 reads as infinity, which nobody could write again
    return RunRequest(
        language=language,
        code=_text(fields, "code"),
        inputs=inputs,
        profile=profile,
        mode=_mode(fields, profile),
        limits=_limits(_object(_given(fields, "limits"), "limits"), maxima),
        run_id=_run_id(fields.get("run_id")),
    )


def _limits(fields: dict[str, Any], maxima: Maxima) -> RunLimits:
    _only(fields, {"wall_s", "memory_mb", "cpu_s", "output_bytes", "result_bytes"}, "limits.")
    asked = {name: value for name, value in fields.items() if value is not None}
    least = {"wall_s": LEAST_WALL_S, "memory_mb": LEAST_MEMORY_MB, "cpu_s": 1, "output_bytes": 0, "result_bytes": 2}
    for name, value in asked.items():
        path, most = f"limits.{name}", getattr(maxima, name)
        if isinstance(value, bool) or not isinstance(value, (int, float) if name == "wall_s" else int):
            raise Malformed(path, "must be a number" if name == "wall_s" else "must be a whole number")
        if value > most:
            raise Malformed(path, f"may be {most} at most")
        if value < least[name]:
            raise Malformed(path, f"must be {least[name]} at least")
    default = RunLimits()
    return RunLimits(
        wall_s=float(asked.get("wall_s", min(default.wall_s, maxima.wall_s))),
        memory_mb=asked.get("memory_mb"),
        cpu_s=asked.get("cpu_s"),
        output_bytes=asked.get("output_bytes", min(default.output_bytes, maxima.output_bytes)),
        result_bytes=asked.get("result_bytes", min(default.result_bytes, maxima.result_bytes)),
    )


def _profile(fields: dict[str, Any], language: Language) -> str:
    """Give the profile's name. JavaScript has one of its own, whatever of the two names it is asked for by."""
    name = fields.get("profile")
    if name is None:
        name = DEFAULT_PROFILE
    if not isinstance(name, str) or not PROFILE.match(name):
        raise Malformed("profile", "must be the name of a profile")
    if language is Language.JAVASCRIPT and name == DEFAULT_PROFILE:
        return JAVASCRIPT_PROFILE
    return name


def _mode(fields: dict[str, Any], profile: str) -> Mode:
    mode = _choice(fields, "mode", Mode, Mode.TEMPLATE if profile == TEMPLATE_PROFILE else Mode.FUNCTION)
    if mode is Mode.TEMPLATE and profile != TEMPLATE_PROFILE:
        raise Malformed("mode", f"templates are rendered in the profile {TEMPLATE_PROFILE} only")
    return mode


def _run_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not RUN_ID.match(value):
        raise Malformed("run_id", "must be 1 to 100 of the characters A-Z a-z 0-9 _ . : -")
    return value


def parse_result(body: bytes) -> RunResult:
    """Read the answer to `POST /v1/run`; raises Malformed if it is none."""
    fields = _object(decode(body), "")
    status = _choice(fields, "status", Status, None)
    outputs = fields.get("outputs")
    usage = _object(_given(fields, "usage"), "usage")
    return RunResult(
        status=status,
        outputs=_object(outputs, "outputs") if status is Status.OK else None,
        error=_error(fields.get("error")),
        stdout=_text(fields, "stdout"),
        stderr=_text(fields, "stderr"),
        usage=Usage(
            wall_ms=float(_number(usage, "wall_ms")),
            cpu_ms=float(_number(usage, "cpu_ms")),
            peak_kb=int(_number(usage, "peak_kb")),
        ),
    )


def _error(value: object) -> RunError | None:
    if value is None:
        return None
    fields = _object(value, "error")
    traceback, system_call = fields.get("traceback"), fields.get("system_call")
    return RunError(
        type=_text(fields, "type", under="error."),
        message=_text(fields, "message", under="error."),
        traceback=traceback if isinstance(traceback, str) else None,
        system_call=system_call if isinstance(system_call, str) else None,
    )


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(path, "must be an object")
    return value


def _given(fields: dict[str, Any], name: str) -> object:
    value = fields.get(name)
    return {} if value is None else value


def _only(fields: dict[str, Any], known: set[str], under: str) -> None:
    for name in fields:
        if name not in known:
            raise Malformed(f"{under}{name}"[:120], "is not a field of the format")


def _text(fields: dict[str, Any], name: str, *, under: str = "") -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{under}{name}", "must be a string")
    return value


def _number(fields: dict[str, Any], name: str) -> int | float:
    value = fields.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST_OF_A_FIGURE:
        raise Malformed(f"usage.{name}", "must be a number")
    return value


def _choice(fields: dict[str, Any], name: str, kind: type[_Choice], default: _Choice | None) -> _Choice:
    value = fields.get(name)
    if value is None and default is not None:
        return default
    try:
        return kind(str(value))
    except ValueError:
        raise Malformed(name, f"must be one of {', '.join(kind)}") from None
