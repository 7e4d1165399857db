"""Rules about workflows that call each other: they are there, they get their inputs, and there is no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.problems import Problem, Severity, pointer
from apps.workflows.dsl.tools_used import tools_of
from apps.workflows.engine.callee import PREFIX

#: How many workflows may be at work inside each other, the outermost one counted.
MOST_LEVELS: Final = 8

Document = Mapping[str, Any]
Calls = Mapping[str, frozenset[str]]


def called_workflows(document: Document) -> frozenset[str]:
    """The slugs of the apps that a valid document calls."""
    return frozenset(name.removeprefix(PREFIX) for _path, name, _node in tools_of(document) if name.startswith(PREFIX))


def circle_from(slug: str, calls: Calls) -> list[str]:
    """How an app, or one of those that it calls, comes to call itself: `a, b, a`. Empty if none does."""
    done: set[str] = set()
    way: list[str] = []
    stack: list[tuple[str, bool]] = [(slug, True)]
    while stack:
        here, entering = stack.pop()
        if not entering:
            done.add(way.pop())
        elif here in way:
            return [*way[way.index(here) :], here]
        elif here not in done:
            way.append(here)
            stack.append((here, False))
            stack.extend((each, True) for each in sorted(calls.get(here, ())))
    return []


def levels_from(slug: str, calls: Calls) -> int:
    """How many apps the longest way down has; there must be no circle."""
    deepest: dict[str, int] = {}
    stack = [(slug, False)]
    while stack:
        here, seen = stack.pop()
        if seen:
            deepest[here] = 1 + max((deepest[each] for each in calls.get(here, ())), default=0)
        elif here not in deepest:
            stack.append((here, True))
            stack.extend((each, False) for each in calls.get(here, ()))
    return deepest[slug]


def why_not(slug: str, calls: Calls) -> tuple[str, str] | None:
    """The code and the words for calls that may not be; None where they may."""
    if circle := circle_from(slug, calls):
        return "workflow_cycle", _("These apps call each other in a circle: %s.") % " → ".join(circle)
    if levels_from(slug, calls) > MOST_LEVELS:
        message = _("More than %s workflows would be at work inside each other.") % MOST_LEVELS
        return "workflow_too_deep", message
    return None


def check_calls(
    document: Document, *, slug: str, workflows: Mapping[str, Document], severity: Severity = "warning"
) -> Iterator[Problem]:
    """What is wrong with the calls of a valid document of the app `slug`.

    `workflows` are the documents that can be reached, by slug. What is missing is of the given severity; a circle is
    always an error, since it would never end.
    """
    calls = {**{name: called_workflows(each) for name, each in workflows.items()}, slug: called_workflows(document)}
    for path, name, node in tools_of(document):
        if not name.startswith(PREFIX):
            continue
        called = name.removeprefix(PREFIX)
        refused = why_not(slug, {**calls, slug: frozenset({called})})
        if refused is not None:
            yield Problem(path=path, code=refused[0], message=refused[1])
        elif called not in workflows or not any(each["type"] == "start" for each in workflows[called]["nodes"]):
            message = _("There is no published workflow %s with a start node in this team.") % called
            yield Problem(path=path, code="unknown_workflow", message=message, severity=severity)
        elif node["type"] == "tool":
            for problem in _check_parameters(path, node["config"].get("parameters") or {}, workflows[called]):
                yield Problem(path=problem.path, code=problem.code, message=problem.message, severity=severity)


def _check_parameters(tool_path: str, given: Mapping[str, Any], called: Document) -> Iterator[Problem]:
    at = tool_path.rpartition("/")[0]
    declared = {field["name"]: field for field in called.get("inputs") or ()}
    for name, field in declared.items():
        if name not in given and field.get("default") is None and field.get("required", "default" not in field):
            message = _("The workflow needs %s.") % (field.get("label") or name)
            yield Problem(path=f"{at}/parameters", code="missing_parameter", message=message)
    for name in given:
        if name not in declared:
            message = _("The workflow has no input %s.") % name
            yield Problem(path=f"{at}{pointer('parameters', name)}", code="unknown_parameter", message=message)
