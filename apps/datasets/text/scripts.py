"""Owns which characters belong to writing without spaces, and the cheap token estimate built on it."""

import re

# Han, kana, Hangul, Thai, Lao, Khmer, Burmese: writing in which a space does not end a word (or, for
# Hangul, ends too much of one), so that pairs of characters are the better search term.
UNSPACED = (
    "\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1780-\u17d3\u1000-\u104f"
)
CJK_PUNCTUATION = "\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"

_UNSPACED_CHAR = re.compile(f"[{UNSPACED}]")
# Everything outside the Latin blocks and general punctuation costs about a token a character.
_DEAR_RUN = re.compile("[^\x00-\u024f\u2000-\u206f]+")
_LETTER = re.compile(r"[^\W\d_]")

DEAR_TOKENS = 1.1
LATIN_CHARS_PER_TOKEN = 4


def unspaced_share(text: str) -> float:
    """The share of letters written without spaces: 1.0 for Chinese, 0.0 for English."""
    letters = len(_LETTER.findall(text))
    return min(1.0, len(_UNSPACED_CHAR.findall(text)) / letters) if letters else 0.0


def estimate_tokens(text: str) -> float:
    """Estimate a multilingual tokenizer's count: Latin characters / 4 + all others * 1.1."""
    dear = 0 if text.isascii() else sum(map(len, _DEAR_RUN.findall(text)))
    return (len(text) - dear) / LATIN_CHARS_PER_TOKEN + dear * DEAR_TOKENS


def is_unspaced(char: str) -> bool:
    """Whether one character belongs to writing without spaces."""
    return _UNSPACED_CHAR.match(char) is not None
