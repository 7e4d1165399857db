"""Check the values a run is given against the inputs its document declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.problems import Problem, pointer


def check_inputs(document: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The values with defaults filled in, and what is wrong with them. Undeclared values are left out."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for declared in document.get("inputs") or ():
        name, path = declared["name"], pointer("inputs", declared["name"])
        value = given.get(name)
        if value is None:
            value = declared.get("default")
        values[name] = value
        if value is None or value == "":
            # Without a default an input is required: a missing one would reach a prompt as an empty text, unseen.
            if declared.get("required", "default" not in declared):
                message = _("%s is required.") % (declared.get("label") or name)
                problems.append(Problem(path=path, code="required", message=message))
        else:
            problems.extend(check_value(declared, value, path))
    return values, problems


def check_value(declared: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    """What is wrong with one value of an input."""
    kind = declared["type"]
    fits = {
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "file": isinstance(value, Mapping),
        "files": isinstance(value, list),
        "json": isinstance(value, (Mapping, list)),
    }.get(kind, isinstance(value, str))
    if not fits:
        message = _("%(name)s must be of type %(type)s.") % {"name": declared["name"], "type": kind}
        yield Problem(path=path, code="wrong_type", message=message)
    elif kind == "select" and value not in declared["options"]:
        message = _("%(name)s must be one of: %(options)s.") % {
            "name": declared["name"],
            "options": ", ".join(declared["options"]),
        }
        yield Problem(path=path, code="not_one_of", message=message)
    elif isinstance(value, str) and len(value) > declared.get("max_length", len(value)):
        message = _("%(name)s must have no more than %(limit)s characters.") % {
            "name": declared["name"],
            "limit": declared["max_length"],
        }
        yield Problem(path=path, code="too_long", message=message)
