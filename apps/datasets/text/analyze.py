"""Owns the one analyser that turns text into search terms, for indexing and for queries alike.

Latin words lose stop words and are stemmed; numbers stay; identifiers (`OPENAI_API_KEY`, `v1.2`,
`/v1/chat-messages`, `getUserName`) give themselves and their parts. Writing without spaces gives pairs of
characters. `term_counts`, which is for indexing, also gives such writing's single characters: without them
a query of one character would find it only where it stands alone.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock

import snowballstemmer

from apps.datasets.text.scripts import UNSPACED
from apps.datasets.text.stopwords import ACRONYMS, STOP_WORDS

ANALYZER_VERSION = 1
"""Stored with each index; another version means analysing the texts again (not embedding them again)."""
MAX_TERM_CHARS = 128
MAX_POSITION = 16_383
MAX_POSITIONS = 255
"""PostgreSQL keeps at most 256 positions of a lexeme, none above 16,383."""

_WORD = rf"[^\W_{UNSPACED}]"
_TOKEN = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)"
    rf"|(?P<symbol>(?<!{_WORD})[A-Za-z](?:\+\+|#)(?!{_WORD}))"
    rf"|(?P<number>(?<!{_WORD})\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!{_WORD}))"
    rf"|(?P<word>{_WORD}+(?:'{_WORD}+|[._/:@\-]+{_WORD}+)*)"
)
_SEGMENT = re.compile(r"[/:@]+")
_PART = re.compile(r"[._\-]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DECIMAL = re.compile(r"\d+\.\d+")
_VERSION = re.compile(r"v(\d+(?:\.\d+)+)")
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})

_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = Lock()


def analyze(text: str) -> list[str]:
    """The terms of a text, in order, repeated as often as they occur."""
    return _terms(text, singles=False)


def term_counts(text: str) -> dict[str, int]:
    """How often each term occurs, single characters of unspaced writing included: what an index stores."""
    return dict(Counter(_terms(text, singles=True)))


def _terms(text: str, *, singles: bool) -> list[str]:
    terms: list[str] = []
    for match in _TOKEN.finditer(_normalised(text)):
        kind, token = match.lastgroup, match[0]
        if kind == "unspaced":
            terms.extend(_pairs(token))
            if singles and len(token) > 1:
                terms.extend(token)
        elif kind == "symbol":
            terms.append(token.lower())
        elif kind == "number":
            terms.append(token.replace(",", ""))
        else:
            terms.extend(_word_terms(token))
    return terms


def tsvector_literal(terms: Mapping[str, int] | Sequence[str]) -> str:
    """Text to cast to `tsvector`: from counts (frequency kept, places made up) or from terms in order.

    Pass it as a parameter (`%s::tsvector`); the quoting here is that of the tsvector syntax.
    """
    positions: dict[str, list[int]] = {}
    if isinstance(terms, Mapping):
        for term, count in terms.items():
            positions[term] = list(range(1, min(count, MAX_POSITIONS) + 1))
    else:
        for place, term in enumerate(terms, start=1):
            found = positions.setdefault(term, [])
            if len(found) < MAX_POSITIONS and place <= MAX_POSITION:
                found.append(place)
    return " ".join(_lexeme(term, places) for term, places in positions.items() if _storable(term))


def tsquery_literal(terms: Sequence[str]) -> str:
    """Text to cast to `tsquery` that matches any of the terms; empty when there is none."""
    return " | ".join(_quoted(term) for term in dict.fromkeys(terms) if _storable(term))


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_QUOTES)


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    return [run[index : index + 2] for index in range(len(run) - 1)]


@lru_cache(maxsize=65_536)
def _word_terms(token: str) -> tuple[str, ...]:
    """The terms of one word or identifier as written: the whole first, then its parts, none twice."""
    if _DECIMAL.fullmatch(token):
        return (token,)
    parts = [part for part in _parts(token) if part]
    if len(parts) == 1 and parts[0] == token:
        return tuple(_simple(token))
    found = _simple(token)
    version = _VERSION.fullmatch(_folded(token))
    if version:
        found.append(version[1])
    found.extend(term for part in parts for term in _simple(part))
    return tuple(dict.fromkeys(found))


def _parts(token: str) -> Iterator[str]:
    """Segments of a path, their parts, and the humps of a camel; apostrophes stay inside their word."""
    for segment in _SEGMENT.split(token):
        pieces = _PART.split(segment)
        if len(pieces) > 1 and segment != token:
            yield segment
        for piece in pieces:
            humps = _CAMEL.split(piece)
            if len(humps) > 1 and piece != token:
                yield piece
            yield from humps


def _simple(word: str) -> list[str]:
    """Zero or one term for a word without inner signs; a compound segment is kept as it is."""
    if word in ACRONYMS:
        return [word.lower()]
    lowered = word.lower().removesuffix("'s").replace("'", "")
    if lowered in STOP_WORDS:  # asked before accents go: "thé" is tea
        return []
    folded = _folded(lowered)[:MAX_TERM_CHARS]
    if folded.isascii() and folded.isalpha():
        with _stemmer_lock:  # the stemmer keeps the word it works on in itself
            return [str(_stemmer.stemWord(folded))]
    return [folded]


def _folded(word: str) -> str:
    """Lower case; Latin letters without their accents, so that "café" and "cafe" meet."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    return "".join(_without_accent(char) for char in lowered)


def _without_accent(char: str) -> str:
    first = unicodedata.normalize("NFD", char)[0]
    return first if first.isascii() else char


def _storable(term: str) -> bool:
    return bool(term) and "\x00" not in term and len(term.encode("utf-8", "replace")) <= 2_046


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _lexeme(term: str, places: Sequence[int]) -> str:
    return _quoted(term) + (":" + ",".join(map(str, places)) if places else "")
