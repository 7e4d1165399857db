"""JSON as both ends of the sandbox read and write it: strict, of bounded depth, and never a RecursionError."""

from __future__ import annotations

import json
import re
from typing import Any

#: Inputs and outputs nested deeper than this are refused.
MAX_DEPTH = 64
#: A message wraps them once.
_MESSAGE_DEPTH = MAX_DEPTH + 1

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


class Malformed(ValueError):
    """A message that is not in the wire format; `path` says where."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def encode(value: object, *, path: str = "") -> bytes:
    """Write a value as JSON that any strict reader accepts; raises Malformed if there is none."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except RecursionError:
        raise Malformed(path, f"is nested deeper than {MAX_DEPTH} levels or contains itself") from None
    except (TypeError, ValueError) as error:
        raise Malformed(path, str(error)) from None


def decode(body: bytes, *, path: str = "") -> Any:
    """Read JSON strictly: UTF-8, no NaN, no integer that Python would not read, not too deep."""
    if too_deep(body):
        raise Malformed(path, f"is nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise Malformed(path, "is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(path, f"is not JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # an integer of more digits than the interpreter takes; a constant
        raise Malformed(path, str(error).partition(":")[0]) from None


def too_deep(body: bytes) -> bool:
    """Tell whether a message holds anything deeper than `MAX_DEPTH`, before any recursive parser sees it.

    Innermost pairs are taken away a level at a time, so that a million empty lists cost no more than their bytes.
    """
    if body.count(b"[") + body.count(b"{") <= _MESSAGE_DEPTH:
        return False
    brackets = _STRINGS.sub(b"", body).translate(_ALIKE, _OTHERS)
    for level in range(_MESSAGE_DEPTH):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):  # all are gone, or what is left has no partner and is no JSON
            return level + brackets.count(b"[") > _MESSAGE_DEPTH
        brackets = outer
    return bool(brackets)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
