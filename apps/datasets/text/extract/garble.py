"""Owns the decision whether a page's text is readable, or a picture, or characters without meaning."""

import re

MIN_CHARS = 16
"""Fewer characters than this beside pictures are a scan's stamp, not a page's text."""
MAX_GARBLE = 0.2
MIN_PATHS = 100
"""So many drawn shapes on a page without text are letters turned to outlines."""

_CID = re.compile(r"\(cid:\d+\)")
_BAD = re.compile(r"[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd\x00-\x01\x03-\x08\x0e-\x1f\x7f-\x9f]")


def garble_share(text: str) -> float:
    """The share of replacement, private-use and control characters and of `(cid:n)` marks."""
    visible = len(re.sub(r"\s", "", text))
    if not visible:
        return 0.0
    marks = _CID.findall(text)
    rest = _CID.sub("", text)
    return (sum(map(len, marks)) + len(_BAD.findall(rest))) / visible


def is_unreadable(text: str, *, images: int, paths: int) -> bool:
    """Whether a page shows something that its text does not give."""
    if garble_share(text) > MAX_GARBLE:
        return True
    return len(text.strip()) < MIN_CHARS and (images > 0 or paths >= MIN_PATHS)
