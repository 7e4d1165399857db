"""Rules about references: what they name exists, comes before, and is there on every way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.certainty import Certainty, certainty
from apps.workflows.dsl.outline import Outline, OutlineNode
from apps.workflows.dsl.problems import Problem, Severity, pointer
from apps.workflows.engine.errors import InvalidGraph
from apps.workflows.engine.graph import topological_order
from apps.workflows.engine.node import Use
from apps.workflows.engine.variables import PATH, SYSTEM_NAMES

_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
#: The output that a failed node has when the workflow goes on.
_ERROR: Final = "error"


def check_references(graph: Outline) -> Iterator[Problem]:
    """All references of all nodes whose configuration has the right shape."""
    facts = _facts(graph)
    for index, node in enumerate(graph.nodes):
        if node.type is None:
            continue
        for use in node.type.uses(node.config):
            yield from _check_use(graph, facts, index, use)
        yield from _check_texts(node)
        if node.type_name == "llm":
            yield from _check_context(node)


def _facts(graph: Outline) -> Certainty | None:
    """What is certain, unless the graph goes in circles: then order means nothing."""
    try:
        order = topological_order(
            [[(edge.target, edge.when) for edge in ways] for ways in graph.ways_on],
            [[(edge.source, edge.when) for edge in ways] for ways in graph.ways_in],
        )
    except InvalidGraph:
        return None
    return certainty(graph, order)


def _check_use(graph: Outline, facts: Certainty | None, index: int, use: Use) -> Iterator[Problem]:
    path = pointer("nodes", graph.nodes[index].place, "config") + use.pointer
    reference = use.reference

    def problem(code: str, message: str, severity: Severity = "error") -> Problem:
        return Problem(path=path, code=code, message=message % {"path": reference.path[:200]}, severity=severity)

    root, rest = reference.root, reference.parts[1:]
    if root == "sys" or root in graph.names:
        known = SYSTEM_NAMES if root == "sys" else graph.names[root]
        if not rest or rest[0] not in known:
            yield problem("unknown_reference", _("%(path)s does not exist.") + _among(known))
        elif root == "sys" and rest[0] == "query" and graph.kind == "workflow" and not use.optional:
            yield problem("may_be_empty", _("%(path)s is empty: a workflow has no question."), "warning")
        return
    source = graph.index_of.get(root)
    if source is None:
        hint = _(" Set `context` to say which passages.") if root == "context" else ""
        yield problem("unknown_reference", _("%(path)s does not exist.") + hint)
        return
    if not rest:
        yield problem("unknown_reference", _("%(path)s is a node: name one of its outputs."))
        return
    target = graph.nodes[source]
    outputs = _outputs(graph, target)
    if outputs is not None and rest[0] not in outputs:
        yield problem("unknown_output", _("%(path)s does not exist.") + _among(outputs))
    elif facts is not None:
        yield from _check_order(graph, facts, index, source, use, problem)


def _check_order(
    graph: Outline, facts: Certainty, index: int, source: int, use: Use, problem: Any
) -> Iterator[Problem]:
    if not facts.upstream(source, of=index):
        yield problem("not_upstream", _("%(path)s comes from a node that does not run before this one."))
        return
    if use.optional:
        return
    target = graph.nodes[source]
    error = use.reference.parts[1] == _ERROR
    if target.then == "branch":
        by = _ERROR if error else None
        there = facts.ran(source, index, by=by, branches=not target.handles)
    else:
        there = facts.ran(source, index) and not error
    if not there:
        message = _("%(path)s may be empty: its node does not run on every way that leads here.")
        yield problem("may_be_empty", message, "warning")


def _outputs(graph: Outline, node: OutlineNode) -> frozenset[str] | None:
    if node.type is None:
        return None
    if node.type_name == "start":
        return graph.names["inputs"]
    outputs = node.type.outputs(node.config)
    if outputs is not None and node.then in ("branch", "default"):
        return outputs | {_ERROR}
    return outputs


def _among(known: frozenset[str]) -> str:
    names = sorted(known)
    if not names:
        return ""
    shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    return " " + _("There is: %s.") % shown.replace("%", "%%")


def _check_texts(node: OutlineNode) -> Iterator[Problem]:
    """Warn of braces that insert nothing, such as filters: they stay in the text as they are."""
    verbatim = node.type.verbatim if node.type else frozenset()
    place = pointer("nodes", node.place, "config")
    stack: list[tuple[str, Any]] = [
        (place + pointer(key), value) for key, value in node.config.items() if key not in verbatim
    ]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend((path + pointer(key), item) for key, item in value.items() if not key.startswith("x-"))
        elif isinstance(value, list):
            stack.extend((path + pointer(at), item) for at, item in enumerate(value))
        elif isinstance(value, str) and "{{" in value:
            for match in _BRACES.finditer(value):
                if PATH.fullmatch(match[1].strip()) is None:
                    message = _("%s inserts nothing: only {{ path }} does.") % match[0][:80]
                    yield Problem(path=path, code="no_insertion", message=message, severity="warning")


def _check_context(node: OutlineNode) -> Iterator[Problem]:
    if "context" not in node.config:
        return
    if not any(re.search(r"\{\{\s*context\s*\}\}", message["text"]) for message in node.config["prompt"]):
        message = _("The prompt does not show the passages: insert {{ context }}.")
        path = pointer("nodes", node.place, "config", "context")
        yield Problem(path=path, code="unused_context", message=message, severity="warning")
