"""Checks what a caller sent before a run is accepted."""

from __future__ import annotations

from typing import Any

import orjson

from apps.workflows.dsl import check_inputs
from apps.workflows.engine.journal import storable
from apps.workflows.models import Version
from support.errors import InvalidInput, TooLarge

MAX_QUERY_CHARS = 100_000
MAX_INPUT_BYTES = 1_000_000


def checked_query(query: object) -> str:
    """The question of a chat turn. Raises InvalidInput, TooLarge."""
    if not isinstance(query, str):
        raise InvalidInput("query must be a string.", path="/query")
    cleaned: str = storable(query)
    if not cleaned.strip():
        raise InvalidInput("query must not be empty.", path="/query")
    if len(cleaned) > MAX_QUERY_CHARS:
        raise TooLarge(f"query has {len(cleaned):,} characters; at most {MAX_QUERY_CHARS:,} are taken.", path="/query")
    return cleaned


def checked_inputs(version: Version, given: object) -> dict[str, Any]:
    """The inputs with defaults filled in. Undeclared ones are dropped, as clients expect.

    Raises InvalidInput with all faults at once in `details.errors`, and TooLarge.
    """
    if not isinstance(given, dict):
        raise InvalidInput("inputs must be an object.", path="/inputs")
    values, problems = check_inputs(version.document, given)
    if problems:
        errors = [{"path": p.path, "code": p.code, "message": p.message} for p in problems]
        raise InvalidInput(" ".join(problem.message for problem in problems), errors=errors)
    kept: dict[str, Any] = storable(values)
    if len(orjson.dumps(kept)) > MAX_INPUT_BYTES:
        raise TooLarge(f"inputs are larger than {MAX_INPUT_BYTES:,} bytes.", path="/inputs")
    return kept
