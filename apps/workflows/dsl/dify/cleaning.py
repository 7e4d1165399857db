"""Make a document one that can be stored: no characters that PostgreSQL refuses, no numbers that are none."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.problems import Problem, pointer

#: Ours nests what is kept of Dify's a little deeper than it was.
MAX_DEPTH: Final = 40
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_BITS: Final = 1_000


class TooDeep(ValueError):
    """The document is nested deeper than a document can be."""


def cleaned(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The document, and warnings of what had to be changed. Raises TooDeep."""
    warnings: list[Problem] = []
    made: dict[str, Any] = _clean(raw, (), warnings)
    return made, warnings


def _clean(value: Any, at: tuple[str | int, ...], warnings: list[Problem]) -> Any:
    if len(at) > MAX_DEPTH:
        raise TooDeep
    if isinstance(value, dict):
        return {_text(str(key), at, warnings): _clean(inner, (*at, str(key)), warnings) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, (*at, place), warnings) for place, inner in enumerate(value)]
    if isinstance(value, str):
        return _text(value, at, warnings)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return None
    return value


def _text(text: str, at: tuple[str | int, ...], warnings: list[Problem]) -> str:
    if not _UNSTORABLE.search(text):
        return text
    message = _("The text holds a character that cannot be stored; another one stands for it.")
    path = _UNSTORABLE.sub("\ufffd", pointer(*at))
    warnings.append(Problem(path=path, code="bad_character", message=message, severity="warning"))
    return _UNSTORABLE.sub("\ufffd", text)
