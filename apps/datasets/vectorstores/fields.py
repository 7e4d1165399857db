"""How what we store is called in stores that have collections and fields: names of letters, digits and underscores."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Literal

from apps.datasets.vectorstores.filters import Value
from apps.datasets.vectorstores.protocol import Namespace

Kind = Literal["s", "n", "b"]
KINDS: tuple[Kind, ...] = ("s", "n", "b")
"""Text, number, boolean: a field holds values of one type, a payload key may not."""
MAX_NAME = 150


def collection_name(ns: Namespace) -> str:
    """One collection (or class) for all datasets of a space; readable, and never the same for two spaces."""
    digest = hashlib.sha256(f"{ns.space}\n{ns.dim}".encode()).hexdigest()[:12]
    return f"Skep_{re.sub('[^A-Za-z0-9]+', '_', ns.space)[:60].strip('_')}_{digest}"


def kind_of(value: Value) -> Kind:
    """Which of the three types a value has."""
    if isinstance(value, bool):
        return "b"
    return "n" if isinstance(value, (int, float)) else "s"


def field_name(key: str, kind: Kind) -> str:
    """The field of a payload key for values of one type."""
    safe = "".join(char if char.isascii() and char.isalnum() else f"_{char.encode().hex()}_" for char in key)
    if len(safe) > MAX_NAME:
        safe = hashlib.sha256(key.encode()).hexdigest()
    return f"{kind}_{safe}"


def typed_fields(payload: Mapping[str, Value]) -> dict[str, Value]:
    """The payload as fields that hold one type each."""
    return {field_name(key, kind_of(value)): value for key, value in payload.items()}
