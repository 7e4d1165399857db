"""Checks what a caller sent against the version's start form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
        raise TooLarge(
            f"query has {len(cleaned):,} characters; at most {MAX_QUERY_CHARS:,} are taken.", path="/query"
        )
    return cleaned


def checked_inputs(version: Version, given: object) -> dict[str, Any]:
    """The inputs with defaults filled in; all faults at once. Unknown names are dropped, as clients expect.

    Raises InvalidInput with `errors`: a list of {path, code, message}.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("inputs must be an object.", path="/inputs")
    values, errors = {}, []
    for declared in version.document.get("inputs", []):
        name = declared["name"]
        value = given.get(name)
        if value is None or value == "":
            value = declared.get("default")
        if value is None or value == "":
            if declared.get("required", "default" not in declared):
                errors.append(_error(name, "missing_input", f"{_label(declared)} is required."))
            continue
        fault = _fault(declared, value)
        if fault:
            errors.append(_error(name, *fault))
        else:
            values[name] = storable(value)
    if errors:
        raise InvalidInput(" ".join(error["message"] for error in errors), errors=errors)
    if len(json.dumps(values, default=str)) > MAX_INPUT_BYTES:
        raise TooLarge(f"inputs are larger than {MAX_INPUT_BYTES:,} bytes.", path="/inputs")
    return values


def _fault(declared: Mapping[str, Any], value: object) -> tuple[str, str] | None:
    label = _label(declared)
    kind = declared.get("type", "text")
    if kind in {"text", "paragraph"} and not isinstance(value, str):
        return "wrong_type", f"{label} must be a string."
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return "wrong_type", f"{label} must be a number."
    if kind == "boolean" and not isinstance(value, bool):
        return "wrong_type", f"{label} must be true or false."
    if kind == "select" and value not in declared.get("options", []):
        return "not_one_of", f"{label} must be one of: {', '.join(map(str, declared.get('options', [])))}."
    longest = declared.get("max_length")
    if isinstance(value, str) and isinstance(longest, int) and len(value) > longest:
        return "too_long", f"{label} has {len(value)} characters; at most {longest} are taken."
    return None


def _label(declared: Mapping[str, Any]) -> str:
    return str(declared.get("label") or declared["name"])


def _error(name: str, code: str, message: str) -> dict[str, str]:
    return {"path": f"/inputs/{name}", "code": code, "message": message}
