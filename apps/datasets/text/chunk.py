"""Owns cutting cleaned sections into chunks that know their page, their place on it and their headings."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from apps.datasets.text.equals import Equals
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import JOIN, Section
from apps.datasets.text.split import TokenCount, overlap_start, split_spans

SPLITTER_VERSION = 3
MAX_PREFIX = 200
"""Characters of headings that go before a text when it is searched."""
_LONGEST_HEADING = 70
_ENDS = (".", "!", "?", ":", "。", "！", "？", "：")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSettings:
    """How large chunks are; `max_tokens` is what the embedder reads without cutting, as `count` counts them.

    `counter` names the way of counting: chunks that were cut by another one are other chunks.
    """

    target_chars: int = 500
    max_tokens: int | None = 256
    overlap: int = 0
    separators: tuple[str, ...] = ()
    """Where the text is always cut, before anything else."""
    count: TokenCount = estimate_tokens
    counter: str = "estimate"

    def __post_init__(self) -> None:
        if self.target_chars < 20 or (self.max_tokens is not None and self.max_tokens < 10):
            raise ValueError("a chunk needs room for at least 20 characters and 10 tokens")
        if not 0 <= self.overlap <= self.target_chars // 2:
            raise ValueError("the overlap must be at most half of a chunk")

    @property
    def fingerprint(self) -> str:
        """Names these settings and this splitter inside chunk keys."""
        chosen = {
            "splitter": SPLITTER_VERSION,
            "target_chars": self.target_chars,
            "max_tokens": self.max_tokens,
            "overlap": self.overlap,
            "separators": self.separators,
            "counter": self.counter,
        }
        return json.dumps(chosen, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What a child is part of. It may go on over pages: the offsets count in its first and in its last one."""

    ordinal: int
    text: str
    page: int | None
    page_end: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of one page: `text` is exactly `page_text[char_start:char_end]`.

    With an `answer` it is a question instead, and the place is that of the row or passage that it comes from.
    """

    ordinal: int
    text: str
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    key: str
    """Equal for equal text under equal headings and settings, with a number among equals: the identity
    by which a new version of a document finds the chunks that did not change."""
    parent: Parent | None = None
    answer: str = ""

    @property
    def search_text(self) -> str:
        """What is embedded: the text with the headings it stands under, or a question alone."""
        return self.text if self.answer else text_with_headings(self.text, self.heading_path)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a page under one heading; `start` is its place on the page."""

    start: int
    text: str
    heading_path: tuple[str, ...]


def text_with_headings(text: str, heading_path: Sequence[str]) -> str:
    """The text after the headings that it does not name itself; the outermost ones go when they are long."""
    missing = [name for name in heading_path if name and name not in text]
    while missing and len(" > ".join(missing)) > MAX_PREFIX:
        missing = missing[1:]
    return "\n".join([" > ".join(missing), text]) if missing else text


def chunk_sections(sections: Iterable[Section], *, settings: ChunkSettings | None = None) -> Iterator[Chunk]:
    """Cut cleaned sections, given in order, page by page; a chunk never crosses a page."""
    numbering = Numbering(settings or ChunkSettings())
    for page, group in groupby(sections, key=lambda section: section.page):
        yield from numbering.cut(placed(group), page=page)


class Numbering:
    """Cuts blocks into chunks that are numbered through, and counts those that are equal."""

    def __init__(self, settings: ChunkSettings) -> None:
        self._settings = settings
        self._fingerprint = settings.fingerprint
        self._equals = Equals()
        self._ordinal = 0

    def cut(self, blocks: Iterable[Block], *, page: int | None, parent: Parent | None = None) -> Iterator[Chunk]:
        """The chunks of blocks that follow each other on one page."""
        for block in _merged(blocks, settings=self._settings):
            for start, end in _spans(block.text, settings=_room(block, self._settings)):
                text = block.text[start:end]
                yield Chunk(
                    ordinal=self._ordinal,
                    text=text,
                    page=page,
                    char_start=block.start + start,
                    char_end=block.start + end,
                    heading_path=block.heading_path,
                    key=self.key(text, block.heading_path),
                    parent=parent,
                )
                self._ordinal += 1

    def key(self, text: str, heading_path: tuple[str, ...]) -> str:
        """A new identity for a text under headings."""
        digest = digest_of(text, heading_path, self._fingerprint)
        return f"{digest}-{self._equals.number(digest)}"


def placed(sections: Iterable[Section]) -> Iterator[Block]:
    """Give each section its place in the page's text, which is the sections joined."""
    start = 0
    for section in sections:
        if section.text:
            yield Block(start, section.text, section.heading_path)
            start += len(section.text) + len(JOIN)


def _room(block: Block, settings: ChunkSettings) -> ChunkSettings:
    """The settings with the tokens that the block's headings will take left free, up to half of all."""
    if settings.max_tokens is None or not block.heading_path:
        return settings
    taken = settings.count(text_with_headings("", block.heading_path))
    return replace(settings, max_tokens=max(10, int(settings.max_tokens - min(taken + 1, settings.max_tokens / 2))))


def _at_separators(blocks: Iterable[Block], separators: Sequence[str]) -> Iterator[Block]:
    """The blocks, cut after every separator."""
    pattern = re.compile("|".join(re.escape(mark) for mark in sorted(separators, key=len, reverse=True)))
    for block in blocks:
        start = 0
        for match in pattern.finditer(block.text):
            yield Block(block.start + start, block.text[start : match.end()], block.heading_path)
            start = match.end()
        yield Block(block.start + start, block.text[start:], block.heading_path)


def _merged(blocks: Iterable[Block], *, settings: ChunkSettings) -> Iterator[Block]:
    """Put a short block (a heading without text, a line between headings) together with its neighbour.

    Only relatives merge: equal headings, or a heading and one under it. The deeper path wins, for its
    words include the other's.
    """
    if settings.separators:
        yield from _at_separators(blocks, settings.separators)
        return
    held: Block | None = None
    for block in blocks:
        if held is None:
            held = block
        elif joined := _join(held, block, settings=settings):
            held = joined
        else:
            yield held
            held = block
    if held is not None:
        yield held


def _join(left: Block, right: Block, *, settings: ChunkSettings) -> Block | None:
    short = _least(settings)
    if min(len(left.text.strip()), len(right.text.strip())) >= short:
        return None
    if left.start + len(left.text) + len(JOIN) != right.start:
        return None  # something lies between them
    related = right.heading_path[: len(left.heading_path)] == left.heading_path
    text = left.text + JOIN + right.text
    if not related or not _fits(text, settings):
        return None
    return Block(left.start, text, right.heading_path)


def _fits(text: str, settings: ChunkSettings) -> bool:
    if len(text) > settings.target_chars:
        return False
    return settings.max_tokens is None or settings.count(text) <= settings.max_tokens


def _least(settings: ChunkSettings) -> int:
    return settings.target_chars // 5


def _spans(text: str, *, settings: ChunkSettings) -> Iterator[tuple[int, int]]:
    """The spans of a block; with an overlap, all but the first begin a little before the last one's end."""
    if _fits(text.strip(), settings):
        start = len(text) - len(text.lstrip())
        if text.strip():
            yield start, len(text.rstrip())
        return
    overlap = settings.overlap
    tokens = settings.max_tokens
    if overlap and tokens is not None:
        tokens = max(1, tokens - tokens * overlap // settings.target_chars)
    previous: int | None = None
    spans = split_spans(
        text,
        0,
        len(text),
        max_chars=settings.target_chars - overlap,
        max_tokens=tokens,
        min_chars=_least(settings),
        count=settings.count,
    )
    for start, end in _with_headings(text, spans, settings=settings):
        begin, reach = start, overlap
        if previous is not None:
            begin = overlap_start(text, previous, start, overlap=reach)
            while begin < start and not _fits(text[begin:end], settings):
                reach //= 2
                begin = overlap_start(text, previous, start, overlap=reach)
        yield begin, end
        previous = start


def _with_headings(
    text: str, spans: Iterable[tuple[int, int]], *, settings: ChunkSettings
) -> Iterator[tuple[int, int]]:
    """The spans, where a heading at the end of one moves to the next if there is room for it."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held:
            heading = _heading_at_end(text, *held)
            if heading and heading - held[0] >= _least(settings) and _fits(text[heading:end], settings):
                held, start = (held[0], heading - 1), heading
            yield held[0], held[0] + len(text[held[0] : held[1]].rstrip())
        held = start, end
    if held:
        yield held


def _heading_at_end(text: str, start: int, end: int) -> int:
    """Where the last line begins if it is short, ends like no sentence, and follows one that does; else 0."""
    begin = text.rfind("\n", start, end) + 1
    last, before = text[begin:end].strip(), text[start:begin].rstrip()
    if begin <= start or not 0 < len(last) <= _LONGEST_HEADING or not text[end : end + 1].isspace():
        return 0
    stands_alone = before.endswith(_ENDS) and not last.endswith((*_ENDS, ",", "，", ";", "；")) and "|" not in last
    return begin if stands_alone and (last[0].isupper() or not last[0].isascii()) else 0


def digest_of(text: str, heading_path: tuple[str, ...], fingerprint: str) -> str:
    """Equal for texts that differ in blanks and forms of characters only."""
    normal = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()
    parts = json.dumps([normal, heading_path, fingerprint], ensure_ascii=False)
    return sha256(parts.encode("utf-8", "replace")).hexdigest()
