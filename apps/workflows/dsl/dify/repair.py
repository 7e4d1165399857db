"""Change what keeps an imported document from being valid, where Dify would have run it.

The validator says what is wrong and where; each fault is put right in the smallest way there is, and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.nodes.speech import NO_OUTPUTS
from apps.workflows.dsl.dify.outgoing import OURS as INSERTION
from apps.workflows.dsl.dify.patches import step
from apps.workflows.dsl.dify.reading import list_at, text_at
from apps.workflows.dsl.problems import Problem, errors_in

_ROUNDS: Final = 12
_LOST: Final = frozenset({"unknown_reference", "unknown_output", "not_upstream"})
#: Faults that no change of ours could put right without another meaning.
_LEFT: Final = frozenset(
    {"node_type_not_available", "unknown_node_type", "cycle", "missing_start", "too_many_problems"}
)


@dataclass(slots=True, kw_only=True)
class Repair:
    """A document being put right: `give_up` turns a node into one that says why it cannot run."""

    document: dict[str, Any]
    missing: str
    validate: Callable[[Any], list[Problem]]
    give_up: Callable[[dict[str, Any], str], None]
    dropped: Callable[[dict[str, Any]], None]
    told: list[tuple[str, str, str]] = field(default_factory=list)
    _dropped: list[tuple[list[Any], Any]] = field(default_factory=list)

    def run(self) -> list[Problem]:
        """Repair as long as that changes anything; returns the errors that are left."""
        errors = errors_in(self.validate(self.document))
        for turn in range(_ROUNDS):
            fixed = [self._fix(error, last=turn > _ROUNDS - 4) for error in errors if error.code not in _LEFT]
            if not any(fixed):
                break
            for edges, edge in self._dropped:
                edges[:] = [one for one in edges if one is not edge]
            self._dropped.clear()
            errors = errors_in(self.validate(self.document))
        return errors

    def _tell(self, error: Problem, path: str = "") -> None:
        self.told.append((path or error.path, error.code, error.message))

    def _fix(self, error: Problem, *, last: bool) -> bool:
        if error.code in ("missing_end", "missing_answer"):
            return self._add_end(answer=error.code == "missing_answer")
        parts = [part.replace("~1", "/").replace("~0", "~") for part in error.path.split("/")[1:]]
        at = max((place for place in range(len(parts) - 1) if parts[place] == "nodes"), default=-1)
        node = self._value(parts[: at + 2]) if at >= 0 else None
        if isinstance(node, dict):
            return self._fix_node(node, parts[at + 2 :], error, parts[: at + 2], last=last)
        if "edges" in parts:
            return self._fix_edge(parts, error)
        return self._drop(parts, error)

    def _value(self, parts: list[str]) -> Any:
        value: Any = self.document
        for part in parts:
            value = step(value, part)
        return value

    def _fix_edge(self, parts: list[str], error: Problem) -> bool:
        at = len(parts) - 1 - parts[::-1].index("edges")
        edges = self._value(parts[: at + 1])
        edge = self._value(parts[: at + 2])
        if not isinstance(edges, list) or not isinstance(edge, dict):
            return False
        if error.code == "unknown_handle":
            edge.pop("when", None)
        else:
            self._dropped.append((edges, edge))
            self.dropped(edge)
        self._tell(error)
        return True

    def _fix_node(self, node: dict[str, Any], rest: list[str], error: Problem, place: list[str], *, last: bool) -> bool:
        if rest[:1] == ["id"]:
            return False
        if node.get("type") == "unavailable" and rest[:1] != ["on_error"]:
            return self._drop([*place, *rest], error) if rest[:1] in (["title"], ["description"]) else False
        if "edges" in rest:
            return self._fix_edge([*place, *rest], error)
        if rest[:1] == ["type"] or last or not rest:
            self._tell(error)
            self.give_up(node, error.message)
            return True
        if error.code in _LOST:
            return self._lose(place, rest, error)
        if rest[0] in ("title", "description", "timeout", "on_error"):
            return self._drop([*place, *rest[: 1 if len(rest) < 3 else 3]], error)
        holder = self._value([*place, *rest[:-1]])
        if error.code == "required" or not isinstance(holder, dict) or rest[-1] not in holder or len(rest) < 2:
            self._tell(error)
            self.give_up(node, error.message)
            return True
        return self._drop([*place, *rest], error)

    def _lose(self, place: list[str], rest: list[str], error: Problem) -> bool:
        """Let a reference that leads nowhere be empty."""
        holder = self._value([*place, *rest[:-1]])
        written = step(holder, rest[-1])
        if not isinstance(written, str):
            return False
        emptied = INSERTION.sub(lambda match: self._emptied(match, error), written)
        lost = emptied if "{{" in written else self.missing
        if lost == written:
            return False
        holder[rest[-1] if isinstance(holder, dict) else int(rest[-1])] = lost
        self._tell(error)
        return True

    def _emptied(self, match: re.Match[str], error: Problem) -> str:
        shown = re.escape(match[1][:200])
        named = re.search(rf"(?<![\w.]){shown}(?![\w]|\.\w)", error.message)
        return f"{{{{ {self.missing} }}}}" if named else match[0]

    def _drop(self, parts: list[str], error: Problem) -> bool:
        holder = self._value(parts[:-1])
        if not parts or not isinstance(holder, dict) or parts[-1] not in holder:
            return False
        del holder[parts[-1]]
        self._tell(error)
        return True

    def _add_end(self, *, answer: bool) -> bool:
        """Ours needs an end, or an answer; Dify's does without."""
        nodes = list_at(self.document, "nodes")
        taken = {text_at(node, "id") for node in nodes}
        kind = "answer" if answer else "end"
        name = next(name for name in (kind, *(f"{kind}_{at}" for at in range(2, 99_999))) if name not in taken)
        start = next((node for node in nodes if str(node.get("type", "")).startswith(("start", "trigger-"))), None)
        if start is None or any(node.get("x-dify", {}).get("added") for node in nodes):
            return False
        config = {"text": ""} if answer else {"outputs": dict(NO_OUTPUTS)}
        nodes.append({"id": name, "type": kind, "config": config, "x-dify": {"added": True}})
        self.document.setdefault("edges", []).append({"from": start["id"], "to": name})
        message = _("Dify's document has no node of type %s: one was added.") % kind
        self.told.append(("/nodes", "added", message))
        return True
