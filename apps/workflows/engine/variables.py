"""The values of a run, the dotted references that find them, and the texts that insert them.

`{{ path }}` inserts a value, `{{ "text" }}` the text between the quotes as it is, and nothing else does.
Texts are cut into segments once, when a document is compiled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure

#: First parts of references that are not nodes.
SYSTEM_ROOTS: Final = frozenset({"sys", "inputs", "conversation", "env"})
#: What only the nodes inside a container know.
ROUND_ROOTS: Final = frozenset({"item", "index", "loop"})
#: Words that no node may have as its id.
RESERVED_IDS: Final = SYSTEM_ROOTS | ROUND_ROOTS | {"context"}
#: What `sys` holds.
SYSTEM_NAMES: Final = frozenset(
    {
        *("query", "files", "conversation_id", "dialogue_count", "user"),
        *("app_id", "workflow_id", "run_id", "timestamp"),
    }
)

PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)*")
#: Inserts what stands between its quotes: the way to write braces that insert nothing.
LITERAL: Final = re.compile(r'\{\{\s*"([^"]*)"\s*\}\}')
_INSERTION = re.compile(LITERAL.pattern + r"|\{\{\s*(" + PATH.pattern + r")\s*\}\}")


class _Missing:
    """The value of a reference that leads nowhere; not the same as a null that somebody put there."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted path to a value: `node.output.path`, `sys.query`, `inputs.x`, `conversation.x`, `env.x`."""

    path: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, path: str) -> Reference:
        return cls(path, tuple(path.split(".")))

    @property
    def root(self) -> str:
        return self.parts[0]


class Values:
    """Everything a node may refer to: the run's own values and the outputs of the nodes that have finished.

    Inside a container, what is not found in the round is looked for outside it.
    """

    __slots__ = ("_outer", "_roots")

    def __init__(
        self,
        *,
        inputs: Mapping[str, Any],
        sys: Mapping[str, Any],
        conversation: Mapping[str, Any],
        env: Mapping[str, Any],
    ) -> None:
        self._outer: Values | None = None
        self._roots: dict[str, Any] = {
            "inputs": inputs,
            "sys": sys,
            "conversation": dict(conversation),
            "env": env,
        }

    def inside(self, roots: Mapping[str, Any]) -> Values:
        """The values of one round of a container: `item`, `index` or `loop`, and later what its nodes give."""
        inner = Values.__new__(Values)
        inner._outer = self
        inner._roots = dict(roots)
        return inner

    def put(self, node_id: str, outputs: Mapping[str, Any]) -> None:
        """Keep what a node gave."""
        self._roots[node_id] = outputs

    def assign(self, reference: Reference, value: Any) -> None:
        """Set a variable: `conversation.x`, or `loop.x` of the innermost loop. Raises KeyError where there is none."""
        if len(reference.parts) != 2 or reference.root not in ("conversation", "loop"):
            raise KeyError(reference.path)
        holder = self._root(reference.root)
        if not isinstance(holder, dict):
            raise KeyError(reference.path)
        holder[reference.parts[1]] = value

    def _root(self, name: str) -> Any:
        values: Values | None = self
        while values is not None:
            if name in values._roots:
                return values._roots[name]
            values = values._outer
        return MISSING

    def find(self, reference: Reference) -> Any:
        """The value, or MISSING where the path ends early. Digits count into lists."""
        value: Any = self._root(reference.parts[0])
        for part in reference.parts[1:]:
            if isinstance(value, Mapping):
                value = value.get(part, MISSING)
            elif isinstance(value, (list, tuple)) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return MISSING
        return value

    def get(self, reference: Reference) -> Any:
        """The value, or None where there is none."""
        value = self.find(reference)
        return None if value is MISSING else value


#: A text that is put together may be no longer: it is kept in the log, and PostgreSQL takes no more than 256 MB.
MOST_TEXT_CHARS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """A text with insertions; a segment is a piece of text or the reference whose value goes there."""

    segments: tuple[str | Reference, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        return cls(tuple(_cut(text)))

    def references(self) -> Iterator[Reference]:
        """The references in order, repeated ones too."""
        return (segment for segment in self.segments if isinstance(segment, Reference))

    def render(self, values: Values, local: Mapping[str, str] | None = None) -> str:
        """The text with values in place. `local` holds names that only this text knows (`context`).

        Raises NodeFailure for one that is too long: a text that a loop puts into itself twice grows without end.
        """
        pieces, length = [], 0
        for segment in self.segments:
            if isinstance(segment, str):
                piece = segment
            elif local is not None and segment.path in local:
                piece = local[segment.path]
            else:
                piece = as_text(values.get(segment))
            length += len(piece)
            if length > MOST_TEXT_CHARS:
                message = f"A text with its insertions has more than {MOST_TEXT_CHARS:,} characters."
                raise NodeFailure("text_too_long", message, details={"limit": MOST_TEXT_CHARS})
            pieces.append(piece)
        return "".join(pieces)


def _cut(text: str) -> Iterator[str | Reference]:
    at = 0
    for match in _INSERTION.finditer(text):
        if match.start() > at:
            yield text[at : match.start()]
        yield match[1] if match[2] is None else Reference.parse(match[2])
        at = match.end()
    if at < len(text):
        yield text[at:]


Source = Reference | Template


def parse_source(text: str) -> Source:
    """A field that takes a reference (`sys.query`) or a text with insertions (`About {{ sys.query }}`)."""
    return Template.parse(text) if "{{" in text else Reference.parse(text)


def references_of(source: Source) -> Iterator[Reference]:
    """The references in a field of either form."""
    return source.references() if isinstance(source, Template) else iter((source,))


def resolve(source: Source, values: Values) -> Any:
    """The value of a reference (None where there is none), or the text of a template."""
    return source.render(values) if isinstance(source, Template) else values.get(source)


def as_text(value: Any) -> str:
    """How a value reads inside a text: strings as they are, nothing for null, JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: missing, null, or a text, list or object without content. 0 and false do."""
    if value is None or value is MISSING:
        return True
    return isinstance(value, (str, Sequence, Mapping)) and len(value) == 0
