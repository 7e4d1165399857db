"""Checks values against a JSON Schema that an author wrote.

Two things of the standard are left out on purpose, since a document must not be able to hold the process up: regular
expressions (`pattern`, `patternProperties`) are not run, and references lead nowhere but into the schema itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure

_SHOWN: Final = 5
#: Under these keys, names are the author's own words.
_NAMES: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
#: Under these, values are no schemas.
_VALUES: Final = frozenset({"const", "enum", "default", "examples", "required"})


class Schema:
    """A schema, ready to check values."""

    __slots__ = ("_validator",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        # The library takes longer to load than the whole engine, and few workflows need it.
        from jsonschema import Draft202012Validator
        from referencing import Registry

        self._validator: Any = Draft202012Validator(without_patterns(schema), registry=Registry())

    def problems(self, value: Any) -> list[str]:
        """What is wrong with a value, in a few sentences; empty if nothing is. Raises NodeFailure for a bad schema."""
        from jsonschema.exceptions import SchemaError, UndefinedTypeCheck, UnknownType
        from referencing.exceptions import Unresolvable

        try:
            found = []
            for error in self._validator.iter_errors(value):
                found.append(f"{error.json_path}: {error.message[:300]}")
                if len(found) == _SHOWN:
                    break
        except (SchemaError, UndefinedTypeCheck, UnknownType, Unresolvable, RecursionError, TypeError) as exc:
            raise NodeFailure("bad_schema", f"The JSON Schema cannot be used: {str(exc)[:300]}") from exc
        return found


def without_patterns(schema: Any) -> Any:
    """The schema without regular expressions, and without the rules that mean something else when they are gone."""
    if isinstance(schema, list):
        return [without_patterns(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    left_out = {"pattern"} if isinstance(schema.get("pattern"), str) else set()
    if "patternProperties" in schema:
        left_out |= {"patternProperties", "additionalProperties", "unevaluatedProperties"}
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in left_out:
            continue
        if key in _NAMES and isinstance(value, Mapping):
            kept[key] = {name: without_patterns(part) for name, part in value.items()}
        else:
            kept[key] = value if key in _VALUES else without_patterns(value)
    return kept
