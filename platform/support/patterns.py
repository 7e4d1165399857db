"""Regular expressions that people write: compiled only where that takes neither all memory nor all time.

Matching has a limit of its own; compiling has none. A repetition is unrolled as often as it must happen, one in another
as often as both say: a few characters are then gigabytes.
"""

from __future__ import annotations

from math import prod
from typing import Any

import regex

#: Characters of a pattern times how often its repetitions unroll it at most.
_LARGEST = 1_000_000
_COUNTS = regex.compile(r"\{([^{},]*)")
#: With this flag, white space and comments may stand inside of counts.
_SPACED = regex.compile(r"\(\?[a-zA-Z0-9]*x")


class BadPattern(ValueError):
    """A pattern that cannot be used; its text says why, and its code names the reason where we found it ourselves."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


def compiled_pattern(written: str) -> Any:
    """The pattern, ready to search. Raises BadPattern."""
    if _SPACED.search(written):
        raise BadPattern("patterns with white space and comments (x) are not taken", "spaced")
    counts = ("".join(filter(str.isdecimal, each)) for each in _COUNTS.findall(written))
    # A number with so many digits is too large, whatever they are.
    unrolled = prod(max(1, int(each[:12])) for each in counts if each)
    if unrolled * len(written) > _LARGEST:
        raise BadPattern("its repetitions are too large together", "unrolled")
    try:
        return regex.compile(written)
    except regex.error as exc:
        raise BadPattern(str(exc)) from exc
    except (RecursionError, OverflowError) as exc:
        raise BadPattern("it is nested too deeply", "nested") from exc
