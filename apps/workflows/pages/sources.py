"""What pages show of code and template nodes: the text itself, and what became of it in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Node type -> the key of its configuration that holds the text.
_TEXT_OF = {"code": "code", "template-transform": "template"}
_LANGUAGES = {"python3": "Python", "javascript": "JavaScript"}
_PRINTED: dict[str, str | Promise] = {
    "traceback": _("Traceback"),
    "stdout": _("Printed"),
    "stderr": _("Printed to stderr"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text of one node, with what goes in and comes out."""

    node_id: str
    type: str
    title: str
    language: str
    text: str
    #: Pairs, because a template would look a name like `items` up in a mapping.
    inputs: Sequence[tuple[str, str]]
    outputs: Sequence[tuple[str, str]]

    @property
    def lines(self) -> list[str]:
        """As errors count them."""
        return self.text.removesuffix("\n").split("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A text that code left behind."""

    label: str | Promise
    text: str


def sources_of(document: Mapping[str, Any]) -> dict[str, Source]:
    """Node id -> its text, for the nodes that have one, in document order. Old documents may hold anything."""
    nodes = document.get("nodes")
    found = [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
    return {node["id"]: _source(node) for node in found if node.get("type") in _TEXT_OF}


def _source(node: Mapping[str, Any]) -> Source:
    config = node.get("config") or {}
    return Source(
        node_id=node["id"],
        type=node["type"],
        title=node.get("title") or node["id"],
        language=_LANGUAGES[config.get("language", "python3")] if node["type"] == "code" else "Jinja2",
        text=config.get(_TEXT_OF[node["type"]], ""),
        inputs=list((config.get("inputs") or {}).items()),
        outputs=list((config.get("outputs") or {"output": "string"}).items()),
    )


def printed(process: Mapping[str, Any]) -> list[Printed]:
    """What a step's code printed, and where it failed."""
    return [Printed(label=label, text=str(process[name])) for name, label in _PRINTED.items() if process.get(name)]


def used(process: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Time and memory that a step's code took in the sandbox (`wall_ms`, `cpu_ms`, `peak_kb`)."""
    found = process.get("usage")
    return {**found, "peak_bytes": found.get("peak_kb", 0) * 1024} if isinstance(found, Mapping) else None
