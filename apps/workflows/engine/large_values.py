"""Takes large values out of what a log stores, and puts them back.

A payload without them says where they belong under one key of its own, beside the fields of the event, so nothing that
anybody writes into a value can be taken for a reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

#: A value whose JSON is larger is kept apart, under the SHA-256 of that JSON.
LARGE: Final = 8_192
KEPT_APART: Final = "$blobs"
Path = list[str | int]


class ValueLost(LookupError):
    """A log names a large value that is nowhere."""


def take_out(payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The payload with its large values replaced by None, and their JSON by name.

    The smallest part that is large goes: one long text of a list goes alone, a list of many short ones as a whole.
    """
    if len(orjson.dumps(payload)) <= LARGE:
        return payload, {}
    cutting = _Cutting()
    left = {name: cutting.cut(value, [name], whole=name != "pieces")[0] for name, value in payload.items()}
    named = [(path, hashlib.sha256(body).hexdigest(), body) for path, body in cutting.taken]
    if not named:
        return payload, {}
    left[KEPT_APART] = [[path, name] for path, name, _ in named]
    return left, {name: body for _, name, body in named}


def names_in(payloads: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of the large values that these payloads miss."""
    return {name for payload in payloads for _, name in payload.get(KEPT_APART, ())}


def put_back(payload: Mapping[str, Any], contents: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as it was. Raises ValueLost."""
    whole = {name: value for name, value in payload.items() if name != KEPT_APART}
    for path, name in payload.get(KEPT_APART, ()):
        if name not in contents:
            raise ValueLost(f"The large value {name} is not there.")
        inner: Any = whole
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = contents[name]
    return whole


class _Cutting:
    """What was taken out of one payload so far: places with the JSON that belongs there."""

    def __init__(self) -> None:
        self.taken: list[tuple[Path, bytes]] = []

    def cut(self, value: Any, path: Path, *, whole: bool = True) -> tuple[Any, int]:
        """What is left of the value, and about how long its JSON is. With `whole`, containers may go too."""
        if isinstance(value, str):
            return self._text(value, path)
        if not isinstance(value, (dict, list)):
            return value, len(str(value))
        before = len(self.taken)
        size = 2
        left: Any
        if isinstance(value, dict):
            left = {}
            for key, inner in value.items():
                left[key], length = self.cut(inner, [*path, key], whole=whole)
                size += length + len(key) + 4
        else:
            left = []
            for at, inner in enumerate(value):
                kept, length = self.cut(inner, [*path, at], whole=whole)
                left.append(kept)
                size += length + 1
        if whole and size > LARGE:
            del self.taken[before:]  # what was taken out of it goes with it
            return self._take(orjson.dumps(value), path)
        return left, size

    def _text(self, text: str, path: Path) -> tuple[Any, int]:
        if len(text) <= LARGE // 6:  # no character takes more in JSON
            return text, len(text) + 2
        body = orjson.dumps(text)
        return self._take(body, path) if len(body) > LARGE else (text, len(body))

    def _take(self, body: bytes, path: Path) -> tuple[None, int]:
        self.taken.append((path, body))
        return None, 4 + 70 + 8 * len(path)
