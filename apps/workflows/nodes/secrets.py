"""Keeps what may be secret out of a run's records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.variables import Reference, Values, as_text

#: Root of the values that may be secret (tokens of other services).
_CONCEALED_ROOT: Final = "env"
#: Shorter values are found in any text by chance.
_SHORTEST_SECRET: Final = 4
HIDDEN: Final = "•••"


class Secrets:
    """Texts that nobody may read in a run's records."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Iterable[str]) -> None:
        written = {way for text in texts if len(text) >= _SHORTEST_SECRET for way in _ways_to_write(text)}
        #: The longest first, so that no piece of one is left by hiding another.
        self._texts = sorted(written, key=len, reverse=True)

    @classmethod
    def among(cls, references: Iterable[Reference], values: Values, *, more: Iterable[str] = ()) -> Secrets:
        """The secrets that these references lead to, and `more`."""
        found = (text for each in references if each.root == _CONCEALED_ROOT for text in _texts_in(values.get(each)))
        return cls([*found, *more])

    def __bool__(self) -> bool:
        return bool(self._texts)

    def hide(self, text: str) -> str:
        """The text with every secret covered up."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def hide_in(self, value: Any) -> Any:
        """The value with every secret in its texts covered up."""
        if not self._texts:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, Mapping):
            return {self.hide(key): self.hide_in(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.hide_in(inner) for inner in value]
        return HIDDEN if as_text(value) in self._texts else value

    def hide_in_failure(self, failure: NodeFailure) -> NodeFailure:
        """The failure in words that may be read."""
        if not self._texts:
            return failure
        return NodeFailure(
            failure.code,
            self.hide(failure.message),
            retryable=failure.retryable,
            partial_text=failure.partial_text,
            details=self.hide_in(failure.details),
        )


def _ways_to_write(text: str) -> tuple[str, ...]:
    """A text as it is, and as JSON, a traceback and an address would show it."""
    quoted = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]
    return text, *quoted, quote(text), quote(text, safe=""), quote_plus(text)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts_in(inner)
    elif value is not None and not isinstance(value, bool):
        yield as_text(value)
