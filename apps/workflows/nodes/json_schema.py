"""Checks values against a JSON Schema that an author wrote.

A document must not be able to hold the process up. So regular expressions (`pattern`, `patternProperties`) are not
run, references lead nowhere but into the schema itself, and a check that takes too many steps is given up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure

_SHOWN: Final = 5
#: Rules that may lead to others more than once, and how often they may in one check.
_LEADING_ON: Final = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "contains")
_MOST_STEPS: Final = 100_000
#: Under these keys, names are the author's own words.
_NAMES: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
#: Under these, values are no schemas.
_VALUES: Final = frozenset({"const", "enum", "default", "examples", "required"})


class _TooManySteps(Exception):
    """The check would take too long."""


_steps: ContextVar[Iterator[int]] = ContextVar("steps of a schema check")


class Schema:
    """A schema, ready to check values: of the standard of 2020-12, or of draft 7, which older documents follow."""

    __slots__ = ("_validator",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema.exceptions import SchemaError
        from referencing import Registry

        plain = without_patterns(schema)
        newest, older = _validators()
        try:
            newest.check_schema(plain)
            chosen = newest
        except SchemaError as exc:
            try:
                older.check_schema(plain)
                chosen = older
            except SchemaError:
                raise _unusable(exc.message) from exc
        self._validator: Any = chosen(plain, registry=Registry())

    def problems(self, value: Any) -> list[str]:
        """What is wrong with a value, in a few sentences; empty if nothing is. Raises NodeFailure for a bad schema."""
        from referencing.exceptions import Unresolvable

        token = _steps.set(iter(range(_MOST_STEPS)))
        try:
            found = []
            for error in self._validator.iter_errors(value):
                found.append(f"{error.json_path}: {error.message[:300]}")
                if len(found) == _SHOWN:
                    break
        except (Unresolvable, RecursionError, ZeroDivisionError) as exc:
            raise _unusable(str(exc)) from exc
        except _TooManySteps:
            raise _unusable("it takes too many steps to check a value") from None
        finally:
            _steps.reset(token)
        return found


@lru_cache(maxsize=256)
def _compiled(written: str) -> Schema:
    return Schema(json.loads(written))


def compiled(schema: Mapping[str, Any]) -> Schema:
    """The schema, made ready once for all runs. Raises NodeFailure for one that cannot be used."""
    return _compiled(json.dumps(schema))


def _unusable(why: str) -> NodeFailure:
    return NodeFailure("bad_schema", f"The JSON Schema cannot be used: {why[:300]}")


@cache
def _validators() -> tuple[Any, Any]:
    # The library takes longer to load than the whole engine, and few workflows need it.
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.validators import extend

    newest, older = (
        extend(  # type: ignore[no-untyped-call]
            kind, {name: _counted(kind.VALIDATORS[name]) for name in _LEADING_ON if name in kind.VALIDATORS}
        )
        for kind in (Draft202012Validator, Draft7Validator)
    )
    return newest, older


def _counted(rule: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def counted(*given: Any) -> Iterator[Any]:
        steps = _steps.get(None)  # checks of a schema itself are not counted
        if steps is not None and next(steps, None) is None:
            raise _TooManySteps
        yield from rule(*given) or ()

    return counted


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
