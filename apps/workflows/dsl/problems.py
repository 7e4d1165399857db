"""A problem of a document: where it is, what kind it is, and a sentence for the author."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`path` is a JSON pointer (`/nodes/2/config/top_k`); `code` is one of docs/errors.md."""

    path: str
    code: str
    message: str
    severity: Severity = "error"

    def as_json(self) -> dict[str, Any]:
        """The problem as an API shows it."""
        return asdict(self)


class UnreadableDocument(ValueError):
    """A text that is no document at all; `problems` says why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


def pointer(*parts: str | int) -> str:
    """A JSON pointer to these keys and indexes."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that make a document invalid; the others are warnings."""
    return [problem for problem in problems if problem.severity == "error"]
