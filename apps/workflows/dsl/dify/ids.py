"""Ids that a person can read, made of titles; and names that may become part of a reference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from typing import Final

from apps.workflows.engine.variables import RESERVED_IDS

IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LONGEST: Final = 40
_WORDS_BETWEEN = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_identifier(name: str) -> bool:
    """Whether a name can be a node's or a variable's as it is."""
    return IDENTIFIER.fullmatch(name) is not None


def made_of(title: str) -> str:
    """The Latin letters and digits of a title as one word; empty where that says nothing."""
    plain = unicodedata.normalize("NFKD", title[:300])
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    word = _WORDS_BETWEEN.sub("_", _CAMEL.sub("_", plain).lower()).strip("_")[:_LONGEST].strip("_")
    letters = sum(character.isalpha() for character in word)
    if letters < 2:
        return ""
    return word if word[0].isalpha() else f"_{word}"


def free_id(wanted: str, kind: str, taken: Container[str], numbers: dict[str, int] | None = None) -> str:
    """An id that nobody has: the wanted word, or the kind of thing with a number; `numbers` says how far they are."""
    if wanted and wanted not in taken and wanted not in RESERVED_IDS:
        return wanted
    stem = wanted or made_of(kind) or "node"
    number = 2 if wanted and wanted not in RESERVED_IDS else 1
    number = max(number, (numbers or {}).get(stem, 0))
    while (name := f"{stem}_{number}") in taken:
        number += 1
    if numbers is not None:
        numbers[stem] = number
    return name
