"""Reads subtitles (WebVTT, W3C; and SubRip): what is said, in stretches of some minutes that carry their time."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from apps.datasets.text.errors import Damaged
from apps.datasets.text.extract.charset import read_text
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

STRETCH_SECONDS = 120
_TIMES = re.compile(r"((?:\d{1,4}:)?\d{2}:\d{2})[.,]\d{3}[ \t]+-->[ \t]+(?:\d{1,4}:)?\d{2}:\d{2}[.,]\d{3}")
_VOICE = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^>]{1,200})>")
_TAG = re.compile(r"<[^<>]{0,200}>")


def page_count(path: Path) -> int | None:
    """Subtitles have no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per stretch of time, under the time at which it begins."""
    begun, last, lines = "", "", list[str]()
    found = False
    for time, text in _cues(read_text(path)):
        found = True
        if lines and _seconds(time) - _seconds(begun) >= STRETCH_SECONDS:
            yield Section(text="\n".join(lines), heading_path=(begun,))
            begun, lines = "", []
        # Rolling captions repeat the line before; a repetition says nothing new.
        fresh = "\n".join(line for line in text.split("\n") if line != last)
        if fresh:
            begun = begun or time
            lines.append(fresh)
            last = fresh.rsplit("\n", 1)[-1]
    if not found:
        raise Damaged(kind="vtt", reason="it has no line with times")
    if lines:
        yield Section(text="\n".join(lines), heading_path=(begun,))


def _cues(source: str) -> Iterator[tuple[str, str]]:
    """Start time and text of every cue; notes, styles and numbers between them are left out."""
    for block in re.split(r"\n[ \t]*\n", source):
        times = _TIMES.search(block)
        if times:
            text = block[times.end() :].split("\n", 1)
            spoken = _VOICE.sub(r"\1: ", text[1]) if len(text) == 2 else ""
            words = html.unescape(_TAG.sub("", spoken))
            yield times[1], "\n".join(line.strip() for line in words.split("\n") if line.strip())


def _seconds(time: str) -> int:
    total = 0
    for part in time.split(":") if time else ():
        total = total * 60 + int(part)
    return total
