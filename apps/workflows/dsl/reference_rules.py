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
from apps.workflows.engine.variables import LITERAL, PATH, ROUND_ROOTS, SYSTEM_NAMES

_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
#: The output that a failed node has when the workflow goes on.
_ERROR: Final = "error"


def check_references(graph: Outline) -> Iterator[Problem]:
    """All references of all nodes whose configuration has the right shape, in containers too."""
    facts = {id(part): _facts(part) for part in graph.all()}
    for part in graph.all():
        for node in part.written:
            if node.type is None:
                continue
            first = part.index_of[node.id]
            index = first if part.nodes[first] is node else None  # edges lead to the first of that id
            path = part.pointer("nodes", node.place, "config")
            for use in node.type.uses(node.config):
                yield from _Looking(part, facts, path, use).check(index)
            yield from _check_texts(node, path)
            if node.type_name == "llm":
                yield from _check_context(node, path)
        if part.outer is not None:
            container = part.outer.nodes[part.container]
            path = part.outer.pointer("nodes", container.place, "config")
            for use in container.type.inner_uses(container.config) if container.type else ():
                yield from _Looking(part, facts, path, use).check(None)


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


class _Looking:
    """One reference, looked for in a graph and in those around it."""

    def __init__(self, graph: Outline, facts: Mapping[int, Certainty | None], path: str, use: Use) -> None:
        self._graph = graph
        self._facts = facts
        self._path = path + use.pointer
        self._use = use

    def _problem(self, code: str, message: str, severity: Severity = "error") -> Problem:
        shown = message % {"path": self._use.reference.path[:200]}
        return Problem(path=self._path, code=code, message=shown, severity=severity)

    def check(self, index: int | None) -> Iterator[Problem]:
        """Seen from the node with this number; without one, from where all nodes are through."""
        reference = self._use.reference
        root, rest = reference.root, reference.parts[1:]
        if root == "sys" or root in self._graph.names:
            yield from self._check_name(root, rest)
        elif root in ROUND_ROOTS:
            yield from self._check_round(root, rest)
        else:
            yield from self._check_node(root, rest, index)

    def _check_name(self, root: str, rest: tuple[str, ...]) -> Iterator[Problem]:
        known = SYSTEM_NAMES if root == "sys" else self._graph.names[root]
        if not rest or rest[0] not in known:
            yield self._problem("unknown_reference", _("%(path)s does not exist.") + _among(known))
        elif root == "sys" and rest[0] == "query" and self._graph.kind == "workflow" and not self._use.optional:
            yield self._problem("may_be_empty", _("%(path)s is empty: a workflow has no question."), "warning")

    def _check_round(self, root: str, rest: tuple[str, ...]) -> Iterator[Problem]:
        graph: Outline | None = self._graph
        while graph is not None and root not in graph.rounds:
            graph = graph.outer
        if graph is None:
            yield self._problem("unknown_reference", _("%(path)s exists only inside a container."))
            return
        known = graph.rounds[root]
        if known is not None and (not rest or rest[0] not in known):
            yield self._problem("unknown_reference", _("%(path)s does not exist.") + _among(known))

    def _check_node(self, root: str, rest: tuple[str, ...], index: int | None) -> Iterator[Problem]:
        graph: Outline | None = self._graph
        while graph is not None and root not in graph.index_of:
            index, graph = graph.container, graph.outer
        if graph is None:
            hint = _(" Set `context` to say which passages.") if root == "context" else ""
            yield self._problem("unknown_reference", _("%(path)s does not exist.") + hint)
            return
        if not rest:
            yield self._problem("unknown_reference", _("%(path)s is a node: name one of its outputs."))
            return
        source = graph.index_of[root]
        outputs = _outputs(graph, graph.nodes[source])
        facts = self._facts[id(graph)]
        if outputs is not None and rest[0] not in outputs:
            yield self._problem("unknown_output", _("%(path)s does not exist.") + _among(outputs))
        elif facts is not None and index is not None:
            yield from self._check_order(graph, facts, index, source)

    def _check_order(self, graph: Outline, facts: Certainty, index: int, source: int) -> Iterator[Problem]:
        if not facts.upstream(source, of=index):
            message = _("%(path)s comes from a node that does not run before this one.")
            yield self._problem("not_upstream", message)
            return
        if self._use.optional:
            return
        target = graph.nodes[source]
        error = self._use.reference.parts[1] == _ERROR
        if target.then == "branch":
            by = _ERROR if error else None
            there = facts.ran(source, index, by=by, branches=not target.handles)
        else:
            there = facts.ran(source, index) and not error
        if not there:
            message = _("%(path)s may be empty: its node does not run on every way that leads here.")
            yield self._problem("may_be_empty", message, "warning")


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


def _check_texts(node: OutlineNode, place: str) -> Iterator[Problem]:
    """Warn of braces that insert nothing, such as filters: they stay in the text as they are."""
    verbatim = node.type.verbatim if node.type else frozenset()
    if node.type is not None and node.type.container:
        verbatim |= {"body"}  # its nodes are looked at one by one
    stack: list[tuple[str, Any]] = [
        (place + pointer(key), value) for key, value in node.config.items() if key not in verbatim
    ]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            jinja = value.get("jinja") is True  # there, braces may hold more
            stack.extend(
                (path + pointer(key), item)
                for key, item in value.items()
                if not key.startswith("x-") and not (jinja and key == "text")
            )
        elif isinstance(value, list):
            stack.extend((path + pointer(at), item) for at, item in enumerate(value))
        elif isinstance(value, str) and "{{" in value:
            for match in _BRACES.finditer(LITERAL.sub("", value)):
                if PATH.fullmatch(match[1].strip()) is None:
                    message = _('%s inserts nothing: only {{ path }} and {{ "text" }} do.') % match[0][:80]
                    yield Problem(path=path, code="no_insertion", message=message, severity="warning")


def _check_context(node: OutlineNode, place: str) -> Iterator[Problem]:
    if "context" not in node.config:
        return
    if not any(re.search(r"\{\{-?\s*context\b", message["text"]) for message in node.config["prompt"]):
        message = _("The prompt does not show the passages: insert {{ context }}.")
        yield Problem(path=f"{place}/context", code="unused_context", message=message, severity="warning")
