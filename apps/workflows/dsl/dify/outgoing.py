"""Our references as Dify's selectors and insertions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.dsl.dify.incoming import INSERTION, JOINER
from apps.workflows.dsl.dify.words import FAILURES, OUTPUTS, SYSTEM, USAGE, reversed_of
from apps.workflows.engine.variables import LITERAL, PATH

OURS: Final = re.compile(r"\{\{\s*(" + PATH.pattern + r")\s*\}\}")
_APART: Final = re.compile(r"\{" + JOINER + r"\{(?=\s*" + PATH.pattern + r"\s*\}\})")
_FAILURES: Final = {ours: theirs for theirs, ours in FAILURES.items()}
_SYSTEM: Final = reversed_of(SYSTEM)
_USAGE: Final = reversed_of(USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A node of our document: its id with Dify, its type, and the containers around it, outermost first."""

    theirs: str
    id: str
    type: str
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One node's view of the document that is written: `start` is Dify's id of the node that holds the inputs.

    `names` are our names of inputs and variables, by root, where Dify has another.
    """

    nodes: Mapping[str, Named]
    start: str
    node: Named
    missing: str
    names: Mapping[str, Mapping[str, str]]

    def selector(self, path: Any) -> list[str]:
        """Dify's selector for one of our references; empty for one that stands for nothing."""
        parts = path.split(".") if isinstance(path, str) else []
        if not parts or path == self.missing:
            return []
        root, rest = parts[0], parts[1:]
        if root == "inputs" and rest:
            return [self.start, self._name(root, rest[0]), *rest[1:]]
        if root == "sys" and rest:
            return ["sys", _SYSTEM.get(rest[0], rest[0]), *rest[1:]]
        if root in ("env", "conversation") and rest:
            return [root, self._name(root, rest[0]), *rest[1:]]
        if root in ("item", "index", "loop"):
            return self._of_round(root, rest)
        known = self.nodes.get(root)
        return parts if known is None or not rest else [known.theirs, *_output(known.type, rest)]

    def text(self, text: Any) -> str:
        """A text with Dify's insertions for ours; what Dify cannot say stays as it is."""
        if not isinstance(text, str):
            return ""
        pieces, end = [], 0
        for match in LITERAL.finditer(text):
            pieces += [self._plain(text[end : match.start()]), _literal(match[1])]
            end = match.end()
        return "".join((*pieces, self._plain(text[end:])))

    def _plain(self, text: str) -> str:
        return _APART.sub("{{", OURS.sub(self._insertion, text))

    def _insertion(self, match: re.Match[str]) -> str:
        said = "{{#" + ".".join(self.selector(match[1])) + "#}}"
        return said if INSERTION.fullmatch(said) else match[0]

    def _name(self, root: str, name: str) -> str:
        return self.names.get(root, {}).get(name, name)

    def _of_round(self, root: str, rest: list[str]) -> list[str]:
        wanted = "loop" if root == "loop" else "iteration"
        around = [self.nodes[one] for one in self.node.inside if self.nodes[one].type == wanted]
        if not around:
            return [root, *rest]
        if root == "loop":
            rest = ["loop_round", *rest[1:]] if rest[:1] == ["round"] else rest
            return [around[-1].theirs, *rest]
        return [around[-1].theirs, root, *rest]


def _literal(text: str) -> str:
    """Braces are plain text in Dify, but for its own insertions: an invisible joiner holds those apart."""
    return text.replace("{{#", "{" + JOINER + "{#")


def _output(kind: str, rest: list[str]) -> list[str]:
    if tuple(rest) in _FAILURES:
        return [_FAILURES[rest[0], rest[1]]]
    name = reversed_of(OUTPUTS.get(kind, {})).get(rest[0], rest[0])
    rest = rest[1:]
    if kind == "variable-aggregator" and name != "output":
        return [name, "output", *rest]
    if rest and rest[0] in _USAGE and name in ("usage", "__usage"):
        rest = [_USAGE[rest[0]], *rest[1:]]
    return [name, *rest]
