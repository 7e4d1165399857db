"""Marks what changed between two texts: by word, and by character where words have no spaces (Chinese)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

#: A run of Latin-like word characters, a run of white space, or any single other character.
TOKEN = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\s+|.", re.DOTALL)
#: Beyond this many tokens matching is quadratic in practice; the texts are then shown whole, one after the other.
MAX_TOKENS = 6_000


def marked(before: str, after: str) -> Iterator[SafeString]:
    """The parts of both texts in reading order, escaped; removed ones in <del>, added ones in <ins>."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    if len(old) + len(new) > MAX_TOKENS:
        yield format_html("<del>{}</del>", before)
        yield format_html("<ins>{}</ins>", after)
        return
    for verb, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            yield escape("".join(old[old_from:old_to]))
            continue
        if old_from < old_to:
            yield format_html("<del>{}</del>", "".join(old[old_from:old_to]))
        if new_from < new_to:
            yield format_html("<ins>{}</ins>", "".join(new[new_from:new_to]))
