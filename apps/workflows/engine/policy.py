"""What the document says should happen when a node fails or takes too long (`on_error`, `timeout`)."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.workflows.engine.errors import InvalidGraph, NodeFailure

Then = Literal["fail", "branch", "default"]
#: The way on that a failed node takes with `then: branch`.
ERROR_HANDLE = "error"

DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again up to `times` times; `on` are the codes that deserve it (None: what calls itself retryable)."""

    times: int
    first: float = 1.0
    exponential: bool = True
    longest: float = _LONGEST_WAIT
    on: frozenset[str] | None = None

    def wants(self, failure: NodeFailure, *, tried: int) -> bool:
        """Whether a node that has failed `tried` times should be tried once more."""
        if tried > self.times:
            return False
        return failure.retryable if self.on is None else failure.code in self.on

    def delay(self, failure: NodeFailure, *, tried: int) -> float:
        """Seconds to wait before the next try: back-off with jitter, never less than the provider asks for."""
        wait = self.first * (2 ** (tried - 1) if self.exponential else 1)
        wait = min(wait, self.longest) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        asked = failure.details.get("retry_after")
        return max(wait, min(float(asked), self.longest)) if isinstance(asked, (int, float)) else wait


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPolicy:
    """What follows when a node has failed for good.

    `unknown` is for acts on the world of which nobody knows whether they happened, because the process died: do them
    again under the same key, or fail.
    """

    then: Then = "fail"
    unknown: Literal["again", "fail"] = "again"
    outputs: Mapping[str, Any] = field(default_factory=dict)
    retry: Retry | None = None


FAIL = ErrorPolicy()


def seconds(value: str | float) -> float:
    """A duration of the document in seconds: `500ms`, `60s`, `2m`, `1h`, or a plain number of seconds."""
    if isinstance(value, (int, float)):
        return float(value)
    match = DURATION.fullmatch(value)
    if match is None:
        raise InvalidGraph(f"{value!r} is not a duration.")
    return float(match[1]) * _SECONDS[match[2]]


def compile_policy(on_error: Mapping[str, Any] | None) -> ErrorPolicy:
    """The policy that a node's `on_error` asks for."""
    if not on_error:
        return FAIL
    return ErrorPolicy(
        then=on_error.get("then", "fail"),
        unknown=on_error.get("unknown", "again"),
        outputs=on_error.get("outputs") or {},
        retry=_compile_retry(on_error.get("retry")),
    )


def _compile_retry(retry: Mapping[str, Any] | None) -> Retry | None:
    if not retry or not retry.get("times"):
        return None
    return Retry(
        times=retry["times"],
        first=seconds(retry.get("first", 1.0)),
        exponential=retry.get("backoff", "exponential") == "exponential",
        longest=seconds(retry.get("longest", _LONGEST_WAIT)),
        on=frozenset(retry["on"]) if "on" in retry else None,
    )
