"""Marks what changed between two texts, as HTML."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from support.word_diff import diff_words

_MARKS = {"removed": "<del>{}</del>", "added": "<ins>{}</ins>"}


def marked(before: str, after: str) -> Iterator[SafeString]:
    """The parts of both texts in reading order, escaped; removed ones in <del>, added ones in <ins>."""
    for piece in diff_words(before, after):
        yield escape(piece.text) if piece.kind == "same" else format_html(_MARKS[piece.kind], piece.text)
