"""What one dialect found on one span, and how the findings of several become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from apps.traces.dialects.tokens import Counts
from apps.traces.dialects.values import is_nothing


class Facts(TypedDict, total=False):
    """Columns of a ForeignSpan by their names; `process` and `attributes` are put together, the rest is chosen."""

    name: str
    kind: str
    status: str
    error_code: str
    error_message: str
    first_text_ns: int | None
    trace_name: str
    session: str
    end_user: str
    environment: str
    release: str
    tags: Sequence[str]
    model: str
    provider: str
    counts: Counts | None
    costs: Mapping[str, str]
    inputs: Any
    outputs: Any
    process: Mapping[str, Any]
    #: Names of attributes that need not be kept, for the facts say it all; a name that ends in a dot is a beginning.
    spent: Iterable[str]


def together(found: Iterable[Facts]) -> tuple[dict[str, Any], list[str]]:
    """One set of facts, those of the first dialects before those of later ones, and every spent name."""
    merged: dict[str, Any] = {}
    process: dict[str, Any] = {}
    spent: list[str] = []
    for facts in found:
        for name, value in facts.items():
            if name == "spent":
                spent.extend(value)  # type: ignore[arg-type]
            elif name == "process":
                for part, inner in value.items():  # type: ignore[attr-defined]
                    if not is_nothing(inner):
                        process.setdefault(part, inner)
            elif name not in merged and not is_nothing(value):
                merged[name] = value
    merged["process"] = process
    return merged, spent
