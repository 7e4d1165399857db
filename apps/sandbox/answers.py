"""What the sandbox's HTTP answers mean: a result, or the error that says what to do."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from apps.sandbox import errors
from apps.sandbox.protocol import RunResult, parse_result
from apps.sandbox.strict_json import Malformed

#: Longest a sandbox may tell us to wait; what it says beyond this is taken for this.
LONGEST_WAIT_S = 30.0
MOST_OF_A_MESSAGE = 500
#: Nothing was run, and the same request may be sent again.
TRY_AGAIN = frozenset({429, 503})


def result_of(status: int, body: bytes) -> RunResult:
    """The result in an answer to `POST /v1/run`. Raises SandboxError."""
    if status != 200:
        raise error_of(status, body)
    try:
        return parse_result(body)
    except Malformed as exc:
        raise errors.SandboxLost(f"The sandbox's answer cannot be read: {exc}") from exc


def error_of(status: int, body: bytes) -> errors.SandboxError:
    """What a refusing answer says."""
    code, message, path = _parts(body)
    match status:
        case 401:
            return errors.SandboxUnauthorized(
                "The sandbox refuses our key. Set SANDBOX_API_KEY here to the one that it was started with."
            )
        case 429:
            return errors.SandboxBusy("The sandbox has more to do than it can queue. Try again in a moment.")
        case 503:
            return errors.SandboxBusy(message or "The sandbox is starting or stopping. Try again in a moment.")
        case 400 if code in {"profile_unavailable", "language_unavailable"}:
            return errors.SandboxProfileUnavailable(message or "The sandbox lacks what this code needs.", reason=code)
        case 400 | 411 | 413 if code:
            return errors.SandboxRejected(f"{path}: {message}" if path else message, reason=code, path=path)
        case _:
            return errors.SandboxUnreachable(f"What answers at SANDBOX_URL is no sandbox (HTTP {status}).")


def seconds_to_wait(headers: Mapping[str, str], *, otherwise: float) -> float:
    """What `Retry-After` says, in seconds and within bounds."""
    try:
        said = float(headers.get("retry-after", ""))
    except ValueError:
        return otherwise
    return min(max(said, 0.0), LONGEST_WAIT_S) if math.isfinite(said) else otherwise


def facts_of(status: int, body: bytes) -> dict[str, Any]:
    """The object that `GET /health` answers. Raises SandboxError."""
    if status != 200:
        raise error_of(status, body)
    facts = _object(body)
    if not isinstance(facts.get("status"), str):
        raise errors.SandboxUnreachable("What answers at SANDBOX_URL is no sandbox: its health says no status.")
    return facts


def _parts(body: bytes) -> tuple[str, str, str]:
    """Code, message and path of an error body; empty where it has none."""
    error = _object(body).get("error")
    if not isinstance(error, dict):
        return "", "", ""
    code, message, path = (error.get(name) for name in ("code", "message", "path"))
    return tuple(part[:MOST_OF_A_MESSAGE] if isinstance(part, str) else "" for part in (code, message, path))  # type: ignore[return-value]


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
