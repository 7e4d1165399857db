"""Owns cutting cleaned sections into chunks that know their page, their place on it and their headings."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby

from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import JOIN, Section
from apps.datasets.text.split import overlap_start, split_spans

SPLITTER_VERSION = 2
_LONGEST_HEADING = 70
_ENDS = (".", "!", "?", ":", "。", "！", "？", "：")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSettings:
    """How large chunks are; `max_tokens` should be what the embedder reads without cutting."""

    target_chars: int = 500
    max_tokens: int | None = 256
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.target_chars < 20 or (self.max_tokens is not None and self.max_tokens < 10):
            raise ValueError("a chunk needs room for at least 20 characters and 10 tokens")
        if not 0 <= self.overlap <= self.target_chars // 2:
            raise ValueError("the overlap must be at most half of a chunk")

    @property
    def fingerprint(self) -> str:
        """Names these settings and this splitter inside chunk keys."""
        return json.dumps({"splitter": SPLITTER_VERSION, **asdict(self)}, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of one page: `text` is exactly `page_text[char_start:char_end]`."""

    ordinal: int
    text: str
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    key: str
    """Equal for equal text under equal headings and settings, with a number among equals: the identity
    by which a new version of a document finds the chunks that did not change."""

    @property
    def search_text(self) -> str:
        """The text with the headings it stands under, for embedding and word search."""
        missing = [name for name in self.heading_path if name and name not in self.text]
        return "\n".join([" > ".join(missing), self.text]) if missing else self.text


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch of a page under one heading; `start` is its place on the page."""

    start: int
    text: str
    heading_path: tuple[str, ...]


def chunk_sections(sections: Iterable[Section], *, settings: ChunkSettings | None = None) -> Iterator[Chunk]:
    """Cut cleaned sections, given in order, page by page; a chunk never crosses a page."""
    chosen = settings or ChunkSettings()
    fingerprint = chosen.fingerprint
    equals: Counter[str] = Counter()
    ordinal = 0
    for page, group in groupby(sections, key=lambda section: section.page):
        for block in _merged(_placed(group), settings=chosen):
            for start, end in _spans(block.text, settings=chosen):
                text = block.text[start:end]
                digest = _digest(text, block.heading_path, fingerprint)
                yield Chunk(
                    ordinal=ordinal,
                    text=text,
                    page=page,
                    char_start=block.start + start,
                    char_end=block.start + end,
                    heading_path=block.heading_path,
                    key=f"{digest}-{equals[digest]}",
                )
                equals[digest] += 1
                ordinal += 1


def _placed(sections: Iterable[Section]) -> Iterator[_Block]:
    """Give each section its place in the page's text, which is the sections joined."""
    start = 0
    for section in sections:
        if section.text:
            yield _Block(start, section.text, section.heading_path)
            start += len(section.text) + len(JOIN)


def _merged(blocks: Iterable[_Block], *, settings: ChunkSettings) -> Iterator[_Block]:
    """Put a short block (a heading without text, a line between headings) together with its neighbour.

    Only relatives merge: equal headings, or a heading and one under it. The deeper path wins, for its
    words include the other's.
    """
    held: _Block | None = None
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


def _join(left: _Block, right: _Block, *, settings: ChunkSettings) -> _Block | None:
    short = _least(settings)
    if min(len(left.text.strip()), len(right.text.strip())) >= short:
        return None
    related = right.heading_path[: len(left.heading_path)] == left.heading_path
    text = left.text + JOIN + right.text
    if not related or not _fits(text, settings):
        return None
    return _Block(left.start, text, right.heading_path)


def _fits(text: str, settings: ChunkSettings) -> bool:
    if len(text) > settings.target_chars:
        return False
    return settings.max_tokens is None or estimate_tokens(text) <= settings.max_tokens


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


def _digest(text: str, heading_path: tuple[str, ...], fingerprint: str) -> str:
    normal = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()
    parts = json.dumps([normal, heading_path, fingerprint], ensure_ascii=False)
    return sha256(parts.encode("utf-8", "replace")).hexdigest()
