"""Makes values fit to be stored: what is too large is cut and said to be, what JSONB refuses is replaced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

PAYLOAD_LIMIT = 256 * 1024
PREVIEW_LENGTH = 200
#: Deeper JSON than this is shown as its text: no person reads it and no parser should have to.
DEEPEST = 60
_ESCAPED_NUL = b"\\u0000"


def capped(value: Any, *, limit: int = PAYLOAD_LIMIT) -> tuple[Any, int | None]:
    """The value as storable JSON of at most about `limit` bytes, and its size before if it was cut."""
    try:
        body = dumped(value)
    except (orjson.JSONEncodeError, RecursionError):
        body = b""
    if body and len(body) <= limit and _ESCAPED_NUL not in body:
        return value if _is_plain(value) else orjson.loads(body), None
    clean = _storable(value, DEEPEST)
    size = len(orjson.dumps(clean))
    if size <= limit:
        return clean, None
    return _Cut(limit).shorten(clean), size


def capped_text(text: str, *, limit: int = PAYLOAD_LIMIT) -> tuple[str, int | None]:
    """The text as PostgreSQL can store it, of at most `limit` bytes, and its size before if it was cut."""
    clean = _storable_text(text)
    size = len(clean.encode())
    if size <= limit:
        return clean, None
    return clean.encode()[:limit].decode(errors="ignore"), size


def dumped(value: Any) -> bytes:
    """A value that `capped` let pass, as JSON."""
    return orjson.dumps(value, default=_plain)


def preview(value: Any, *, depth: int = 3) -> str:
    """The first 200 characters a person would want to see of a value, on one line."""
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, Mapping):
        text = _pairs(value, depth)
    elif isinstance(value, str):
        text = value[: PREVIEW_LENGTH * 4]
    else:
        text = dumped(capped(value, limit=PREVIEW_LENGTH * 8)[0]).decode()
    line = " ".join(_storable_text(text).split())
    return line if len(line) <= PREVIEW_LENGTH else line[: PREVIEW_LENGTH - 1] + "…"


def _pairs(value: Mapping[Any, Any], depth: int) -> str:
    """`name: value, name: value`, and the value alone where there is but one."""
    if depth <= 0:
        return "…"
    if len(value) == 1:
        return preview(next(iter(value.values())), depth=depth - 1)
    shown = ((name, preview(inner, depth=depth - 1)) for name, inner in list(value.items())[:8])
    return " · ".join(f"{name}: {text}" for name, text in shown if text)


class _Cut:
    """Walks a value and keeps what the budget allows, so that its shape stays readable."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def shorten(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            kept = {}
            for seen, (key, inner) in enumerate(value.items()):
                if self._left <= 0:
                    kept["…"] = f"{len(value) - seen} more"
                    break
                self._left -= len(key) + 4
                kept[key] = self.shorten(inner)
            return kept
        if isinstance(value, list):
            items = []
            for seen, inner in enumerate(value):
                if self._left <= 0:
                    items.append(f"… {len(value) - seen} more")
                    break
                items.append(self.shorten(inner))
            return items
        self._left -= 8
        return value

    def _text(self, text: str) -> str:
        size = len(orjson.dumps(text)) + 1
        if size <= self._left:
            self._left -= size
            return text
        room, self._left = max(self._left, 0), 0
        kept = text.encode()[:room].decode(errors="ignore")
        return f"{kept}… {len(text) - len(kept)} more characters"


def _storable(value: Any, depth: int) -> Any:
    """A copy with text that PostgreSQL refuses replaced and with what JSON has no word for as text."""
    if isinstance(value, str):
        return _storable_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth <= 0:
        return _storable_text(_written(value)[: PREVIEW_LENGTH * 4])
    if isinstance(value, Mapping):
        return {_storable_text(str(key)): _storable(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_storable(inner, depth - 1) for inner in value]
    return _storable_text(str(value))


def _written(value: Any) -> str:
    try:
        return str(value)
    except RecursionError:
        return "…"


def _storable_text(text: str) -> str:
    """Without NUL and lone surrogates, which PostgreSQL's text has no place for."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode() if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_plain(value: Any) -> bool:
    return isinstance(value, (dict, list, str, int, float, bool, type(None)))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    return str(value)
