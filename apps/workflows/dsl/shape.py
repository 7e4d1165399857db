"""Check the shape of a document's parts against their JSON Schemas, and say in plain words what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from apps.workflows.dsl import schema
from apps.workflows.dsl.problems import Problem, pointer
from apps.workflows.nodes.registry import REGISTRY

Place = tuple[str | int, ...]

_SHOWN: Final = 60


def _is_integer(_checker: Any, value: Any) -> bool:
    """5.0 is an integer to JSON Schema, but it cannot count passages."""
    return isinstance(value, int) and not isinstance(value, bool)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$(?=\||\Z)", r"\\Z", pattern))


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Like the original, but `$` does not forgive a line break at the end."""
    if isinstance(value, str) and not _compiled(pattern).search(value):
        yield ValidationError("pattern")


def _strict(part: Mapping[str, Any]) -> Any:
    return _Validator(part)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
_FRAME = _strict(schema.FRAME)
_INPUT = _strict(schema.INPUT)
_NODE = _strict(schema.NODE)
_EDGE = _strict(schema.EDGE)
_CONFIGS = {name: _strict(node_type.schema) for name, node_type in REGISTRY.items()}


def check_frame(document: Mapping[str, Any]) -> Iterator[Problem]:
    """All but inputs, nodes and edges themselves."""
    yield from _check(_FRAME, document, ())


def check_input(value: Any, place: Place) -> Iterator[Problem]:
    """One field of the start form."""
    yield from _check(_INPUT, value, place)


def check_node(value: Any, place: Place) -> Iterator[Problem]:
    """One node with its configuration, as far as its type is known."""
    yield from _check(_NODE, value, place)
    if isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] in _CONFIGS:
        config = value.get("config", {})
        if isinstance(config, dict):
            yield from _check(_CONFIGS[value["type"]], config, (*place, "config"))


def check_edge(value: Any, place: Place) -> Iterator[Problem]:
    """One edge."""
    yield from _check(_EDGE, value, place)


def _check(validator: Any, value: Any, place: Place) -> Iterator[Problem]:
    seen = set()
    for fault in validator.iter_errors(value):
        for problem in _explain(fault, (*place, *fault.absolute_path)):
            if problem not in seen:
                seen.add(problem)
                yield problem


def _explain(fault: Any, place: Place) -> Iterator[Problem]:
    value, wanted = fault.instance, fault.validator_value
    match fault.validator:
        case "required":
            for key in wanted:
                if key not in value:
                    yield _problem((*place, key), "required", _("%s is missing.") % key)
        case "additionalProperties":
            yield from _unknown_keys(value, fault.schema, place)
        case "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            yield _problem(place, "wrong_type", _must_be(names, value))
        case "enum" | "const":
            allowed = wanted if fault.validator == "enum" else [wanted]
            yield _problem(place, "not_one_of", _not_one_of(allowed, value))
        case "minimum" | "exclusiveMinimum" | "maximum":
            yield _problem(place, "out_of_range", _range(fault.schema))
        case "minLength" | "minItems" | "minProperties":
            yield _problem(
                place, "too_short", _("Must not be empty.") if wanted == 1 else _("Must have at least %s.") % wanted
            )
        case "maxLength" | "maxItems":
            yield _problem(place, "too_long", _("Must have no more than %s.") % f"{wanted:,}")
        case "not":
            yield _problem(place, "reserved_name", _("%s is a reserved word.") % _short(value))
        case "oneOf":
            yield from _one_of(fault, place)
        case _:
            yield _problem(place, "bad_format", _bad_format(fault))


def _problem(place: Place, code: str, message: str) -> Problem:
    return Problem(path=pointer(*place), code=code, message=message)


def _unknown_keys(value: Mapping[str, Any], shape: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    known = shape.get("properties", {})
    for key in value:
        if key not in known and not key.startswith("x-"):
            close = get_close_matches(key[:_SHOWN], known, n=1)
            message = _("There is no key %s here.") % _short(key)
            if close:
                message += " " + _("Did you mean %s?") % close[0]
            yield _problem((*place, key), "unknown_key", message)


def _one_of(fault: Any, place: Place) -> Iterator[Problem]:
    """Two schemas in the house use oneOf: a duration, and "this key or that one"."""
    keys = [branch["required"][0] for branch in fault.validator_value if set(branch) == {"required"}]
    if keys:
        code = "required" if not any(key in fault.instance for key in keys) else "conflicting_keys"
        yield _problem(place, code, _("Exactly one of these is needed: %s.") % ", ".join(keys))
        return
    message = _("Must be a duration like 500ms, 60s, 2m or 1h, or a number of seconds up to a day.")
    yield _problem(place, "bad_format", message)


def _must_be(names: list[str], value: Any) -> str:
    words = {
        "string": _("a text"),
        "object": _("an object"),
        "array": _("a list"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("true or false"),
        "null": _("null"),
    }
    return _("Must be %(wanted)s, but is %(value)s.") % {
        "wanted": ", ".join(words[name] for name in names),
        "value": _short(value),
    }


def _not_one_of(allowed: list[Any], value: Any) -> str:
    return _("%(value)s is not one of: %(allowed)s.") % {
        "value": _short(value),
        "allowed": ", ".join(str(item) for item in allowed),
    }


def _range(shape: Mapping[str, Any]) -> str:
    low, high = shape.get("minimum", shape.get("exclusiveMinimum")), shape.get("maximum")
    if low is None or high is None:
        return str(_("Must be at least %s.") % low if high is None else _("Must be at most %s.") % high)
    return _("Must be between %(low)s and %(high)s.") % {"low": low, "high": high}


def _bad_format(fault: Any) -> str:
    shape = fault.schema.get("format")
    if shape == "reference":
        return _("Must be a reference like node.output or sys.query.")
    if shape == "reference-or-template":
        return _("Must be a reference like sys.query, or a text with {{ references }}.")
    return _("Must begin with a letter and hold only letters, digits and underscores.")


def _short(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:_SHOWN])
    if isinstance(value, (dict, list)):
        return str(_("an object") if isinstance(value, dict) else _("a list"))
    return str(value)[:_SHOWN]
