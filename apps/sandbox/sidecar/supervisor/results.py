"""What a child says of its own run, believed only as far as it can be checked."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from apps.sandbox.protocol import RunError
from apps.sandbox.strict_json import MAX_DEPTH, too_deep

REPLACEMENT: Final = "\ufffd"
MAX_DIGITS: Final = 4300
MAX_NAME: Final = 200
MAX_MESSAGE: Final = 8 * 1024
MAX_TRACEBACK: Final = 32 * 1024
MAX_PATH: Final = 300

#: Text that PostgreSQL cannot hold can only be written with these escapes: anything else is not UTF-8.
_ODD_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ODD_NUMBER = re.compile(rb"NaN|Infinity|[0-9]{200}|[eE]\+?[0-9]{3}")
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


class ProtocolViolation(Exception):
    """The child's bytes are not what its own runtime writes."""


class NotStorable(Exception):
    """The outputs are JSON to Python, but not to everyone; the message names the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildResult:
    """A result frame that was understood: outputs or an error, and what the child measured."""

    outputs: dict[str, Any] | None
    error: RunError | None
    cpu_ms: float
    peak_kb: int


def read_result(body: bytes) -> ChildResult:
    """Read a result frame; raises ProtocolViolation if it is none, NotStorable if its outputs cannot be kept."""
    if too_deep(body):
        raise NotStorable(f"outputs: is nested deeper than {MAX_DEPTH} levels")
    try:
        fields = json.loads(body.decode())
    except UnicodeDecodeError:
        raise ProtocolViolation("the result is not UTF-8") from None
    except json.JSONDecodeError as problem:
        raise ProtocolViolation(f"the result is not JSON: {problem.msg}") from None
    except ValueError:
        raise NotStorable(f"outputs: holds an integer of more than {MAX_DIGITS} digits") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("ok"), bool):
        raise ProtocolViolation("the result says neither yes nor no")
    outputs = error = None
    if fields["ok"]:
        outputs = _outputs(fields.get("outputs"), body)
    else:
        error = _error(fields.get("error"))
    return ChildResult(
        outputs=outputs,
        error=error,
        cpu_ms=round(_measured(fields.get("cpu_ms")), 3),
        peak_kb=int(_measured(fields.get("peak_kb"))),
    )


def clean(text: str) -> str:
    """Replace what PostgreSQL's text and jsonb cannot hold: NUL and lone surrogates."""
    return _UNHOLDABLE.sub(REPLACEMENT, text)


def console_text(printed: bytes | bytearray) -> str:
    """Turn what was printed into text that can be stored."""
    return printed.decode(errors="replace").replace("\x00", REPLACEMENT)


def _outputs(value: object, body: bytes) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolViolation("the outputs are not an object")
    if _ODD_NUMBER.search(body) and (path := _not_finite(value)):
        raise NotStorable(path)
    if _ODD_TEXT.search(body):
        cleaned = _cleaned(value)
        assert isinstance(cleaned, dict)
        return cleaned
    return value


def _not_finite(outputs: dict[str, Any]) -> str | None:
    """Find the first number that is none. The depth is bounded, and so is the recursion."""
    waiting: list[tuple[str, Any]] = [("outputs", outputs)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return f"{path[:MAX_PATH]}: {value!r} is not a JSON number"
        if isinstance(value, dict):
            waiting += [(f"{path}.{clean(key)}", item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _error(value: object) -> RunError:
    if not isinstance(value, dict):
        raise ProtocolViolation("the error is not an object")
    kind, message, traceback = value.get("type"), value.get("message"), value.get("traceback")
    if not isinstance(kind, str) or not isinstance(message, str) or not isinstance(traceback, str | None):
        raise ProtocolViolation("the error is not made of text")
    return RunError(
        type=clean(kind[:MAX_NAME]),
        message=clean(message[:MAX_MESSAGE]),
        traceback=None if traceback is None else clean(traceback[:MAX_TRACEBACK]),
    )


def _measured(value: object) -> float:
    """Take a figure that the child measured; user code can forge it, so it only has to be a sane number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return 0.0
    return float(value)
