"""When two questions are the same question written differently."""

from __future__ import annotations

import hashlib
import unicodedata

#: Punctuation to Unicode, but part of what is asked: C#, 5 %, R&D, */etc*.
_MEANT = frozenset("#%&@*/\\")


def normalise_question(question: str) -> str:
    """The question without what writing habits change: width, case, punctuation, spacing.

    Letters, marks, digits and symbols are kept ("C", "C++" and "C#" stay apart); the rest is one space.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", question).casefold())
    kept = (
        character if character in _MEANT or unicodedata.category(character)[0] in "LMNS" else " "
        for character in folded
    )
    return " ".join("".join(kept).split())


def question_key(question: str) -> str:
    """What equal questions share: a digest of the normalised form, or of the text if that is empty."""
    meaning = normalise_question(question) or question.strip()
    return hashlib.sha256(meaning.encode()).hexdigest()
