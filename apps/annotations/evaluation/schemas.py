"""JSON Schemas that people write: checked without running patterns, going elsewhere or taking for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.nodes.json_schema import Schema, compiled


class BadSchema(ValueError):
    """A schema that cannot be used; its text says why."""


def schema_checker(schema: Mapping[str, Any]) -> Schema:
    """The schema, ready to check values. Raises BadSchema."""
    try:
        return compiled(schema)
    except NodeFailure as exc:
        raise BadSchema(exc.message) from exc
    except RecursionError as exc:
        raise BadSchema("It is nested too deeply.") from exc


def problems_of(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with a value, in a few sentences; empty if nothing is. Raises BadSchema."""
    try:
        return schema_checker(schema).problems(value)
    except NodeFailure as exc:
        raise BadSchema(exc.message) from exc
