"""What user code returned, as JSON: strict, and with the place named where JSON cannot hold it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from apps.sandbox.sidecar.zygote.streams import REPLACING

DEEPEST = 64
_LONGEST_PATH = 500
_LONGEST_INTEGER_BITS = 14_000


class ResultError(Exception):
    """The code returned something that is no result. `kind` is the type of error that the user sees."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# Bound before user code can replace json's names.
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


def to_json(outputs: object) -> bytes:
    """Encode what main() returned; raises ResultError with the path of what does not fit."""
    if not isinstance(outputs, dict):
        raise ResultError("ResultType", f"main() has to return a dict, not {type(outputs).__name__}")
    try:
        text = _encode(outputs)
    except (TypeError, ValueError, RecursionError) as error:
        raise ResultError("ResultNotJson", _explain(outputs, error)) from error
    return text.encode("utf-8", REPLACING)


def plain_json(value: object) -> bytes:
    """Encode what we made ourselves."""
    return _encode(value).encode("utf-8", REPLACING)


def _explain(outputs: dict[object, object], error: Exception) -> str:
    found = next(_misfits(outputs, "outputs", ()), None)
    if found is None:
        return str(error)
    path, reason = found
    return f"{path[:_LONGEST_PATH]}: {reason}"


def _misfits(value: object, path: str, above: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    if len(above) > DEEPEST:
        yield path, f"is nested deeper than {DEEPEST} levels"
    elif id(value) in above:
        yield path, "contains itself"
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, float) and not math.isfinite(key):
                yield path, f"has the key {key!r}, which is not a JSON number"
            elif not isinstance(key, (str, int, float, bool, type(None))):
                yield path, f"has a key of type {type(key).__name__}; JSON has only text keys"
            else:
                name = key if isinstance(key, str) and key.isidentifier() else None
                yield from _misfits(item, f"{path}.{name}" if name else f"{path}[{key!r}]", (*above, id(value)))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _misfits(item, f"{path}[{index}]", (*above, id(value)))
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, f"{value!r} is not a JSON number"
    elif isinstance(value, int):
        if value.bit_length() > _LONGEST_INTEGER_BITS:
            yield path, "is an integer of more digits than Python writes"
    elif value is not None and not isinstance(value, str):
        yield path, f"{type(value).__name__} is not JSON"
