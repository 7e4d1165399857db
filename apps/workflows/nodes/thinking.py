"""Parts what a model thinks aloud, between `<think>` and `</think>`, from what it says, also while it streams."""

from __future__ import annotations

import re
from typing import Final

_OPEN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
#: The longest tag, less one: so much at the end of a piece may be the beginning of one.
_HELD: Final = len("</thinking>") - 1


class Thoughts:
    """Takes pieces of a reply and gives back what of them is said; what is thought gathers in `reasoning`."""

    def __init__(self) -> None:
        self._held = ""
        self._thinks = False
        #: Blank lines between a thought and what is said belong to neither.
        self._fresh = True
        self._thoughts: list[str] = []

    @property
    def reasoning(self) -> str:
        """What was thought so far."""
        return "".join(self._thoughts).strip()

    def take(self, piece: str, *, last: bool = False) -> str:
        """What is surely said now; with `last` nothing is held back any more."""
        text = self._held + piece
        self._held = ""
        said: list[str] = []
        while text:
            tag = (_CLOSE if self._thinks else _OPEN).search(text)
            if tag is None:
                kept = len(text) if last else _surely(text)
                self._keep(text[:kept], said)
                self._held = text[kept:]
                break
            self._keep(text[: tag.start()], said)
            self._thinks = not self._thinks
            self._fresh = self._fresh or not self._thinks
            text = text[tag.end() :]
        return "".join(said)

    def _keep(self, text: str, said: list[str]) -> None:
        if self._thinks:
            self._thoughts.append(text)
            return
        if self._fresh:
            text = text.lstrip()
            self._fresh = not text
        said.append(text)


def _surely(text: str) -> int:
    """How much of a text without a tag cannot be the beginning of one."""
    at = text.rfind("<", max(0, len(text) - _HELD))
    return len(text) if at < 0 or ">" in text[at:] else at


def apart(text: str) -> tuple[str, str]:
    """What a whole reply says, and what it thinks."""
    thoughts = Thoughts()
    said = thoughts.take(text, last=True)
    return said, thoughts.reasoning
