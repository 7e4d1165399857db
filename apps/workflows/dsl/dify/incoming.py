"""Dify's selectors and insertions as our references, seen from the node that makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.reading import as_word
from apps.workflows.dsl.dify.words import FAILURES, OUTPUTS, SYSTEM, USAGE
from apps.workflows.dsl.problems import Problem, pointer
from apps.workflows.engine.variables import PATH, SYSTEM_NAMES

#: Dify's own rule; what does not agree with it is plain text there too.
INSERTION: Final = re.compile(r"\{\{#([A-Za-z0-9_]{1,50}(?:\.[A-Za-z_][A-Za-z0-9_]{0,29}){1,10})#\}\}")
_BRACES: Final = re.compile(r"\{\{(?=\s*(?:" + PATH.pattern + r'|"[^"]*")\s*\}\})')
#: How braces are written that insert nothing.
_LITERAL_BRACES: Final = '{{ "{{" }}'
#: Holds braces apart that are plain text with us and would insert a value in Dify. It cannot be seen.
JOINER: Final = "\u2060"
_CONTAINERS: Final = ("iteration", "loop")
#: The environment variable that stands for what a document refers to and does not have.
MISSING: Final = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A node of the document: Dify's id and type, our id, and the containers it is in, outermost first."""

    theirs: str
    id: str
    type: str
    inside: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Reading:
    """What is known of the document while it is translated, and what there is to say about it."""

    nodes: Mapping[str, Known]
    inputs: Mapping[str, str] = field(default_factory=dict)
    conversation: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = f"env.{MISSING}"
    problems: list[Problem] = field(default_factory=list)

    def warn(self, path: tuple[str | int, ...], code: str, message: str) -> None:
        """Note something the author should know; `path` leads into Dify's document."""
        self.problems.append(Problem(path=pointer(*path), code=code, message=message, severity="warning"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """One node's view: finds references as they are seen from it."""

    reading: Reading
    node: Known
    path: tuple[str | int, ...]

    def warn(self, code: str, message: str, *at: str | int) -> None:
        """Note something about a part of this node."""
        self.reading.warn((*self.path, *at), code, message)

    def find(self, selector: Any) -> str | None:
        """Our reference for a selector, or None where it leads nowhere."""
        parts = _parts(selector)
        if len(parts) < 2:
            return None
        path = ".".join(self._found(parts[0], parts[1:]) or ())
        return path if PATH.fullmatch(path) and len(path) <= 400 else None

    def reference(self, selector: Any, *at: str | int) -> str:
        """Our reference for a selector; one that is empty at run time where it leads nowhere, with a warning."""
        found = self.find(selector)
        if found is not None:
            return found
        message = _("%s refers to nothing: it is empty here, as it is in Dify.") % _shown(selector)
        self.warn("refers_to_nothing", message, *at)
        return self.reading.missing

    def text(self, value: Any, *at: str | int) -> str:
        """A text with our insertions for Dify's; those that lead nowhere stay as they are written."""
        written = as_word(value)
        pieces, end = [], 0
        for match in INSERTION.finditer(written):
            pieces.append(self._literal(written[end : match.start()], at))
            found = self.find(match[1].split("."))
            if found is None:
                message = _("%s refers to nothing: it stays in the text as it is written.") % match[0]
                self.warn("refers_to_nothing", message, *at)
            pieces.append(match[0] if found is None else f"{{{{ {found} }}}}")
            end = match.end()
        return "".join((*pieces, self._literal(written[end:], at)))

    def _literal(self, text: str, at: tuple[str | int, ...]) -> str:
        kept, count = _BRACES.subn(_LITERAL_BRACES, text)
        if count:
            message = _('The text holds {{ … }} that insert nothing in Dify: they are written {{ "{{" }} … here.')
            self.warn("braces_kept", message, *at)
        return kept

    def _found(self, root: str, rest: list[str]) -> list[str] | None:
        reading = self.reading
        if root == "sys":
            name = SYSTEM.get(rest[0], rest[0])
            return ["sys", name, *rest[1:]] if name in SYSTEM_NAMES else None
        for kind, word, names in (
            ("env", "env", reading.environment),
            ("conversation", "conversation", reading.conversation),
        ):
            if root == kind:
                return [word, names[rest[0]], *rest[1:]] if rest[0] in names else None
        known = reading.nodes.get(root)
        if known is None or known.inside != self.node.inside[: len(known.inside)]:
            return None
        if known.type in _CONTAINERS and known.theirs in self.node.inside:
            return self._of_round(known, rest)
        return output_of(known, rest, reading.inputs)

    def _of_round(self, container: Known, rest: list[str]) -> list[str] | None:
        """`item`, `index` or a loop's variable. Only the innermost container's can be named."""
        around = [self.reading.nodes[one] for one in self.node.inside]
        if [one.theirs for one in around if one.type == container.type][-1] != container.theirs:
            return None
        if container.type == "loop":
            return ["loop", "round" if rest[0] == "loop_round" else rest[0], *rest[1:]]
        return rest if rest[0] in ("item", "index") else None


def output_of(known: Known, rest: list[str], inputs: Mapping[str, str]) -> list[str] | None:
    """Our path for an output of a node."""
    name = rest[0]
    if known.type == "start":
        return ["inputs", inputs[name], *rest[1:]] if name in inputs else None
    if name in FAILURES:
        return [known.id, *FAILURES[name]]
    name = OUTPUTS.get(known.type, {}).get(name, name)
    rest = rest[1:]
    if known.type == "variable-aggregator" and name != "output" and rest[:1] == ["output"]:
        rest = rest[1:]
    if name == "usage" and rest:
        rest = [USAGE.get(rest[0], rest[0]), *rest[1:]]
    return [known.id, name, *rest]


def _parts(selector: Any) -> list[str]:
    if isinstance(selector, str):
        selector = selector.strip().removeprefix("{{#").removesuffix("#}}").split(".")
    if not isinstance(selector, list):
        return []
    parts = [as_word(part) for part in selector]
    if len(parts) == 2 and parts[1].startswith("sys."):
        parts = parts[1].split(".")
    return parts if all(parts) else []


def _shown(selector: Any) -> str:
    parts = _parts(selector)
    return ".".join(parts)[:100] if parts else str(_("A selector that is not there"))
