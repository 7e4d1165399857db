"""Errors of the engine: what a node may raise, and what a run ends with.

EngineError
├── NodeFailure          a node could not finish; its code says why (shown to the workflow's author)
│   ├── MissingValue     a reference found nothing where a value is needed
│   └── WrongType        a value has another type than the node takes
└── InvalidGraph         a document that passed validation still cannot be compiled (a bug, or a bypassed validation)
"""

from __future__ import annotations

from typing import Any, Final

#: The code of a node that did not act, because an earlier try of it may have: that is as little known as before.
OUTCOME_UNKNOWN: Final = "outcome_unknown"


class EngineError(Exception):
    """Root of the engine's errors."""


class NodeFailure(EngineError):
    """A node could not finish.

    `code` is one of docs/errors.md; `retryable` says whether the same call may work later; `partial_text` is what a
    stream had given before it broke.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        partial_text: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.partial_text = partial_text
        self.details = details or {}


class MissingValue(NodeFailure):
    """A reference found nothing where a value is needed."""

    def __init__(self, path: str) -> None:
        super().__init__("missing_value", f"{path} has no value here.", details={"path": path})


class WrongType(NodeFailure):
    """A value has another type than the node takes."""

    def __init__(self, *, field: str, expected: str, got: str) -> None:
        super().__init__(
            "wrong_type",
            f"{field} must be {expected}, but is {got}.",
            details={"field": field, "expected": expected, "got": got},
        )


class InvalidGraph(EngineError):
    """The document cannot be compiled; run the validator for all reasons."""
