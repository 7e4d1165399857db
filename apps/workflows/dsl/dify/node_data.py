"""What all nodes have in common: title, description, retries, and what follows a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.dsl.dify.reading import as_number, bounded, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.dify.words import FAILURES, OUTPUTS, reversed_of
from apps.workflows.engine.errors import InvalidGraph
from apps.workflows.engine.policy import seconds

_THEN: Final = {"fail-branch": "branch", "default-value": "default"}
_THEIRS: Final = {ours: theirs for theirs, ours in _THEN.items()}


def read_common(data: Mapping[str, Any], *, node_id: str, kind: str) -> dict[str, Any]:
    """The keys that every node of ours may have."""
    title, description = text_at(data, "title").strip(), text_at(data, "desc")
    common: dict[str, Any] = {}
    if title and title != node_id:
        common["title"] = title[:200]
    if description:
        common["description"] = description[:10_000]
    on_error = _read_on_error(data, kind)
    return {**common, "on_error": on_error} if on_error else common


def _read_on_error(data: Mapping[str, Any], kind: str) -> dict[str, Any]:
    on_error: dict[str, Any] = {}
    retry = object_at(data, "retry_config")
    times = bounded(number_at(retry, "max_retries"), 0, 10, 3)
    if flag_at(retry, "retry_enabled") and times:
        wait = bounded(number_at(retry, "retry_interval"), 1, 3_600_000, 1000)
        on_error["retry"] = {"times": times, "backoff": "fixed", "first": f"{wait}ms"}
    then = _THEN.get(text_at(data, "error_strategy"))
    if then:
        on_error["then"] = then
    if then == "default":
        names = OUTPUTS.get(kind, {})
        on_error["outputs"] = {
            names.get(text_at(one, "key"), text_at(one, "key")): _typed(one.get("value"), text_at(one, "type"))
            for one in list_at(data, "default_value")
            if isinstance(one, dict) and text_at(one, "key") and text_at(one, "key") not in FAILURES
        }
    return on_error


def _typed(value: Any, kind: str) -> Any:
    if not isinstance(value, str) or kind in ("", "string"):
        return value
    if kind == "number":
        number = as_number(value)
        return value if number is None else number
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def write_common(node: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that every node of Dify's may have."""
    kind = text_at(node, "type")
    data: dict[str, Any] = {
        "type": kind,
        "title": text_at(node, "title") or text_at(node, "id"),
        "desc": text_at(node, "description"),
        "selected": False,
    }
    on_error = object_at(node, "on_error")
    then = _THEIRS.get(text_at(on_error, "then"))
    if then:
        data["error_strategy"] = then
    if then == "default-value":
        names = reversed_of(OUTPUTS.get(kind, {}))
        data["default_value"] = [
            {"key": names.get(key, key), "type": _type_of(value), "value": value}
            for key, value in object_at(on_error, "outputs").items()
        ]
    retry = object_at(on_error, "retry")
    if retry:
        data["retry_config"] = {
            "retry_enabled": True,
            "max_retries": number_at(retry, "times") or 0,
            "retry_interval": _milliseconds(retry.get("first", 1)),
        }
    return data


def _type_of(value: Any) -> str:
    if isinstance(value, list):
        return f"array[{_type_of(value[0]) if value and not isinstance(value[0], list) else 'object'}]"
    if isinstance(value, dict):
        return "object"
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "string"


def _milliseconds(duration: Any) -> int:
    try:
        return round(seconds(duration) * 1000) if isinstance(duration, (str, int, float)) else 1000
    except InvalidGraph:
        return 1000
