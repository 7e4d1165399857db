"""Say everything that is wrong with a document, all at once; no JSON value makes it fail."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.code_rules import check_code
from apps.workflows.dsl.graph_rules import check_graph
from apps.workflows.dsl.inputs import check_value
from apps.workflows.dsl.outline import Place, list_at, outline
from apps.workflows.dsl.problems import Problem, Severity, pointer
from apps.workflows.dsl.reference_rules import check_references
from apps.workflows.dsl.schema_rules import check_schemas
from apps.workflows.dsl.secret_rules import check_secrets
from apps.workflows.dsl.shape import check_edge, check_frame, check_input, check_node
from apps.workflows.dsl.tools_used import all_nodes, body_of, tools_of
from apps.workflows.dsl.trigger_rules import check_triggers
from apps.workflows.engine.callee import PREFIX
from apps.workflows.nodes.registry import REGISTRY

MAX_DEPTH: Final = 64
MAX_PROBLEMS: Final = 1_000

#: Characters that PostgreSQL cannot hold in a text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_INTEGER_BITS: Final = 1_000


def validate(document: Any) -> list[Problem]:
    """All problems, errors and warnings, in the document's order of parts (1,000 at most)."""
    unstorable = list(islice(_check_values(document), MAX_PROBLEMS))
    if unstorable:
        return unstorable
    if not isinstance(document, dict):
        message = _("A document is an object with the keys skep, app, nodes and edges.")
        return [Problem(path="", code="wrong_type", message=message)]
    problems = list(islice(_check_document(document), MAX_PROBLEMS + 1))
    if len(problems) > MAX_PROBLEMS:
        message = _("There are more problems than the %s shown.") % MAX_PROBLEMS
        problems[MAX_PROBLEMS:] = [Problem(path="", code="too_many_problems", message=message)]
    return problems


def validate_against_team(
    document: Mapping[str, Any],
    *,
    datasets: AbstractSet[str],
    models: AbstractSet[str] | None,
    tools: AbstractSet[str] | None = None,
    severity: Severity = "warning",
) -> list[Problem]:
    """What the document names and the team does not have.

    `datasets` are names and ids; `models` and `tools` are None for any. Takes a valid document. A warning when it is
    imported; pass `severity="error"` when it is published.
    """
    problems = []
    for at, node in all_nodes(document):
        config = node.get("config") or {}
        if node["type"] == "knowledge-retrieval":
            for number, name in enumerate(config["datasets"]):
                if name not in datasets:
                    path = pointer(*at, "config", "datasets", number)
                    message = _("There is no dataset %s in this team.") % name
                    problems.append(Problem(path=path, code="unknown_dataset", message=message, severity=severity))
        elif models is not None and "model" in config and config["model"]["name"] not in models:
            path = pointer(*at, "config", "model", "name")
            message = _("There is no model %s for this team.") % config["model"]["name"]
            problems.append(Problem(path=path, code="unknown_model", message=message, severity=severity))
    for path, name, _node in tools_of(document):
        if tools is not None and name not in tools and not name.startswith(PREFIX):  # see workflow_calls
            message = _("There is no tool %s for this team.") % name
            problems.append(Problem(path=path, code="unknown_tool", message=message, severity=severity))
    return problems


def _check_document(document: dict[str, Any]) -> Iterator[Problem]:
    yield from check_frame(document)
    yield from _check_inputs(document)
    yield from _check_names(document)
    misshapen: set[Place] = set()
    yield from _check_parts(document, misshapen)
    graph = outline(document, misshapen=misshapen)
    yield from check_graph(document, graph)
    yield from check_references(graph)
    yield from check_secrets(document, graph)
    for part in graph.all():
        yield from check_code(part)
        yield from check_schemas(part)
        yield from check_triggers(part)


def _check_parts(document: Mapping[str, Any], misshapen: set[Place]) -> Iterator[Problem]:
    """The shape of every node and edge, in containers too; notes the nodes whose shape is wrong."""
    waiting: list[tuple[Place, Mapping[str, Any]]] = [((), document)]
    while waiting:
        at, graph = waiting.pop()
        for number, node in enumerate(list_at(graph, "nodes")):
            place = (*at, "nodes", number)
            for problem in check_node(node, place):
                misshapen.add(place)
                yield problem
            yield from _check_defaults(node, place, trusted=place not in misshapen)
            if body := body_of(node):
                waiting.append(((*place, "config", "body"), body))
        for number, edge in enumerate(list_at(graph, "edges")):
            yield from check_edge(edge, (*at, "edges", number))


def _check_inputs(document: dict[str, Any]) -> Iterator[Problem]:
    for place, declared in enumerate(list_at(document, "inputs")):
        problems = list(check_input(declared, ("inputs", place)))
        yield from problems
        if not problems and declared.get("default") is not None:
            yield from check_value(declared, declared["default"], pointer("inputs", place, "default"))


def _check_names(document: dict[str, Any]) -> Iterator[Problem]:
    """Two inputs, or two variables of one kind, cannot share a name."""
    variables = document.get("variables")
    groups: list[tuple[tuple[str, ...], list[Any]]] = [(("inputs",), list_at(document, "inputs"))]
    for kind in ("conversation", "environment"):
        groups.append((("variables", kind), list_at(variables if isinstance(variables, dict) else {}, kind)))
    for place, items in groups:
        seen = set()
        for at, item in enumerate(items):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and name in seen:
                message = _("This name is taken: %s.") % name[:64]
                yield Problem(path=pointer(*place, at, "name"), code="duplicate_name", message=message)
            elif isinstance(name, str):
                seen.add(name)


def _check_defaults(node: Any, place: Place, *, trusted: bool) -> Iterator[Problem]:
    """Values that stand in for a failed node's outputs carry the names of these outputs."""
    if not trusted or node["type"] not in REGISTRY:
        return
    known = REGISTRY[node["type"]].outputs(node.get("config") or {})
    for name in (node.get("on_error") or {}).get("outputs") or {}:
        if known is not None and name not in known and not name.startswith("x-"):
            path = pointer(*place, "on_error", "outputs", name)
            message = _("This node has no output of that name; it has: %s.") % ", ".join(sorted(known))
            yield Problem(path=path, code="unknown_output", message=message)


def _check_values(document: Any) -> Iterator[Problem]:
    """Refuse what is not JSON, cannot be stored, or is nested too deep to be walked."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, str):
            if _UNSTORABLE.search(value):
                message = _("The text holds a character that cannot be stored.")
                yield Problem(path=_path(place), code="bad_character", message=message)
        elif isinstance(value, (dict, list)):
            if len(place) >= MAX_DEPTH:
                message = _("The document is nested deeper than %s levels.") % MAX_DEPTH
                yield Problem(path=_path(place), code="too_deep", message=message)
            elif isinstance(value, list):
                stack.extend(((*place, at), item) for at, item in enumerate(value))
            else:
                yield from _check_keys(value, place)
                stack.extend(((*place, key), item) for key, item in value.items() if isinstance(key, str))
        elif not _is_plain(value):
            message = _("This is no JSON value.")
            yield Problem(path=_path(place), code="not_json", message=message)


def _check_keys(value: dict[Any, Any], place: tuple[str | int, ...]) -> Iterator[Problem]:
    for key in value:
        if not isinstance(key, str):
            yield Problem(path=_path(place), code="not_json", message=_("A key must be a text."))
        elif _UNSTORABLE.search(key):
            message = _("A key holds a character that cannot be stored.")
            yield Problem(path=_path(place), code="bad_character", message=message)


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return value.bit_length() <= _MAX_INTEGER_BITS
    return value is None


def _path(place: tuple[str | int, ...]) -> str:
    """The pointer, without the characters that make it unstorable."""
    return _UNSTORABLE.sub("�", pointer(*place))
