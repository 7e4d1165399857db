"""Words and sentences of a text, in any script: what the two built-in models, which know no language, work with."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer

#: Scripts written without spaces, or with endings glued on: overlapping pairs of characters stand for words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)?")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")

_STOP_WORDS = """
    a about above after again all also am an and any are as at be because been before being below between both
    but by can can't could describe did do does doesn't doing don't down during each explain few for from
    further give had has have having he her here hers him his how i i'm if in into is isn't it it's its itself
    just know let like may me might more most must my no nor not now of off on once only or other our ours out
    over own please same shall she should show so some such tell than that that's the their theirs them then
    there there's these they this those through to too under until up us very was we were what what's when where
    which while who whom whose why will with would you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
#: Function characters of Chinese: a pair made of two of them, or one alone, says nothing about the subject.
STOP_CHARACTERS = frozenset(
    "的了是在和与及或也都就而又吗呢吧啊呀么之其此这那哪个们我你您他她它们请问怎样什如何为以于把被让给对从到有没不会能可要想得着过很更最些上下中里时候多少几谁何"
)


def normalise(text: str) -> str:
    """One spelling for what looks the same: NFKC and lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def is_chinese(text: str) -> bool:
    """Whether a good part of the letters are Chinese characters."""
    letters = len(_LETTER.findall(text))
    return letters > 0 and len(_HAN.findall(text)) / letters >= 0.3


def terms(text: str) -> list[str]:
    """The terms of a text in order: stems of spaced words, pairs (and lone ones) of unspaced characters."""
    found: list[str] = []
    for run in _RUN.findall(normalise(text)):
        if is_unspaced(run):
            found.extend(_pairs(run))
        else:
            found.append(stem(run))
    return found


def content_terms(text: str) -> list[str]:
    """Terms without the ones that say nothing; `terms` for the rest."""
    found: list[str] = []
    for run in _RUN.findall(normalise(text)):
        if is_unspaced(run):
            found.extend(pair for pair in _pairs(run) if not STOP_CHARACTERS.issuperset(pair))
        elif run not in STOP_WORDS:
            found.append(stem(run))
    return found


def runs(text: str) -> list[str]:
    """Unstemmed words, and whole runs of unspaced characters, of an already normalised text."""
    return _RUN.findall(text)


def is_unspaced(run: str) -> bool:
    """Whether a run is of a script without spaces."""
    return not run.isascii() and _FIRST_UNSPACED.match(run) is not None


_FIRST_UNSPACED = re.compile(rf"[{_UNSPACED}]")


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = threading.Lock()


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The word without its English ending; other languages pass nearly unchanged."""
    if len(word) < 4 or not word.isascii():
        return word
    with _stemmer_lock:  # a stemmer keeps the word it works on in itself
        return str(_stemmer.stemWord(word))
