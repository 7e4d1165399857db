"""When two questions are the same question written differently."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter

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


#: What turns a question into its opposite, in the languages the product speaks.
_DENIAL = re.compile(
    r"\b(?:not|no|never|without|cannot|nor|neither|(?:do|does|did|is|are|was|wo|ca|must|should|would|could)nt)\b"
    "|[不没無无非未勿否]"
)
_FIGURES = re.compile(r"\d+")


def may_mean_the_same(one: str, other: str) -> bool:
    """False when two similar questions differ in a number or in a denial: however near, one must not answer the other.

    Vectors hardly see either ("refund after 7 days" and "after 70 days", "allowed" and "not allowed").
    """
    return _substance(one) == _substance(other)


def _substance(question: str) -> tuple[Counter[str], bool]:
    plain = normalise_question(question.replace("'", "").replace("’", ""))
    return Counter(_FIGURES.findall(plain)), len(_DENIAL.findall(plain)) % 2 == 1
