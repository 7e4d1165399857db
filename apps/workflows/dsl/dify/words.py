"""Names that differ between Dify's documents and ours: outputs, system variables, operators."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Node type -> Dify's name of an output -> ours.
OUTPUTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "llm": {"reasoning_content": "reasoning", "structured_output": "structured"},
        "answer": {"answer": "text"},
        "http-request": {"status_code": "status"},
        "parameter-extractor": {"__is_success": "is_success", "__reason": "reason", "__usage": "usage"},
        "list-operator": {"first_record": "first", "last_record": "last"},
        "human-input": {"__action_id": "action", "__rendered_content": "rendered"},
        "if-else": {"selected_case_id": "case"},
        "trigger-webhook": {"_webhook_raw": "request"},
    }
)
#: What a failed node gives when the workflow goes on.
FAILURES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"error_message": ("error", "message"), "error_type": ("error", "code")}
)
USAGE: Final[Mapping[str, str]] = MappingProxyType(
    {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
)
SYSTEM: Final[Mapping[str, str]] = MappingProxyType({"user_id": "user", "workflow_run_id": "run_id"})

#: Old names of node types.
TYPES: Final[Mapping[str, str]] = MappingProxyType({"variable-assigner": "variable-aggregator"})

OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contains": "contains",
        "not contains": "not_contains",
        "start with": "starts_with",
        "end with": "ends_with",
        "is": "is",
        "is not": "is_not",
        "empty": "empty",
        "not empty": "not_empty",
        "in": "in",
        "not in": "not_in",
        "all of": "all_of",
        "=": "=",
        "≠": "!=",
        ">": ">",
        "<": "<",
        "≥": ">=",
        "≤": "<=",
        "null": "null",
        "not null": "not_null",
        "exists": "exists",
        "not exists": "not_exists",
    }
)
#: Spellings that Dify does not know but that leave no doubt.
OTHER_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "==": "=",
        "eq": "=",
        "equals": "is",
        "equal": "is",
        "!=": "!=",
        "<>": "!=",
        "ne": "!=",
        "not equal": "is_not",
        "not equals": "is_not",
        ">=": ">=",
        "=>": ">=",
        "<=": "<=",
        "=<": "<=",
        "gt": ">",
        "lt": "<",
        "gte": ">=",
        "lte": "<=",
        "starts with": "starts_with",
        "startswith": "starts_with",
        "ends with": "ends_with",
        "endswith": "ends_with",
        "is empty": "empty",
        "is not empty": "not_empty",
        "is null": "null",
        "is not null": "not_null",
        "not exist": "not_exists",
        "exist": "exists",
        "include": "contains",
        "includes": "contains",
        "not include": "not_contains",
        "not includes": "not_contains",
        "does not contain": "not_contains",
    }
)


def operator_of(written: str) -> tuple[str | None, bool]:
    """Our operator, and whether Dify itself would know this spelling."""
    if written in OPERATORS:
        return OPERATORS[written], True
    known = set(OPERATORS.values())
    plain = written.strip().lower().replace("-", " ")
    spaced = plain.replace("_", " ")
    for spelling in (plain, spaced):
        if spelling in OPERATORS:
            return OPERATORS[spelling], False
        if spelling in OTHER_OPERATORS:
            return OTHER_OPERATORS[spelling], False
    return (plain if plain in known else None), False


def reversed_of(names: Mapping[str, str]) -> dict[str, str]:
    """Ours -> Dify's; of several spellings the first counts."""
    found: dict[str, str] = {}
    for theirs, ours in names.items():
        found.setdefault(ours, theirs)
    return found
