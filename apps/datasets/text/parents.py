"""Owns cutting a document into parents and each parent into the children that are embedded in its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from apps.datasets.text.chunk import Block, Chunk, ChunkSettings, Numbering, Parent, placed
from apps.datasets.text.sections import JOIN, Section
from apps.datasets.text.split import split_spans

WHOLE_DOCUMENT = 200_000
"""Characters of a parent that is the whole document; a longer document has several, and none is cut short."""
SHORT_PARAGRAPH = 200
"""A paragraph shorter than this goes together with the next one: a heading is no context."""
_Place = tuple[int | None, Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentCut:
    """What a parent is, and how many characters it may have."""

    mode: Literal["section", "paragraph", "document"] = "section"
    size: int = 4_000


def chunk_under_parents(sections: Iterable[Section], *, settings: ChunkSettings, cut: ParentCut) -> Iterator[Chunk]:
    """Cut cleaned sections into children that know their parent; the children of one parent come together."""
    children, names = Numbering(settings), Numbering(settings)
    parents = enumerate(_parents(_places(sections), cut))
    for ordinal, places in parents:
        parent = _parent(places, ordinal=ordinal, names=names)
        for page, group in groupby(places, key=lambda place: place[0]):
            yield from children.cut((block for _, block in group), page=page, parent=parent)


def _places(sections: Iterable[Section]) -> Iterator[_Place]:
    for page, group in groupby(sections, key=lambda section: section.page):
        for block in placed(group):
            if block.text.strip():
                yield page, block


def _parents(places: Iterable[_Place], cut: ParentCut) -> Iterator[list[_Place]]:
    if cut.mode == "paragraph":
        for page, block in places:
            for piece in _paragraphs(block, size=cut.size):
                yield [(page, piece)]
        return
    size = WHOLE_DOCUMENT if cut.mode == "document" else cut.size
    held = _Held()
    for page, block in places:
        for piece in _pieces(block, size=size):
            if held.places and not held.takes(piece, size=size, any_heading=cut.mode == "document"):
                yield held.take()
            held.add(page, piece)
    if held.places:
        yield held.take()


@dataclass(slots=True)
class _Held:
    """The parent that is growing."""

    places: list[_Place] = field(default_factory=list)
    length: int = 0

    def takes(self, block: Block, *, size: int, any_heading: bool) -> bool:
        """Whether the block belongs to the same parent and there is room for it."""
        last = self.places[-1][1]
        # A section begins with its heading; one without text of its own belongs to what stands under it.
        under = block.heading_path[: len(last.heading_path)] == last.heading_path and self.length < SHORT_PARAGRAPH
        same = block.heading_path == last.heading_path or under
        return (any_heading or same) and self.length + len(JOIN) + len(block.text) <= size

    def add(self, page: int | None, block: Block) -> None:
        self.length += len(block.text) + (len(JOIN) if self.places else 0)
        self.places.append((page, block))

    def take(self) -> list[_Place]:
        taken, self.places, self.length = self.places, [], 0
        return taken


def _pieces(block: Block, *, size: int) -> Iterator[Block]:
    """The block, in pieces when it is larger than a parent may be."""
    if len(block.text) <= size:
        yield block
        return
    for start, end in split_spans(block.text, 0, len(block.text), max_chars=size, max_tokens=None, min_chars=size // 5):
        yield Block(block.start + start, block.text[start:end], block.heading_path)


def _paragraphs(block: Block, *, size: int) -> Iterator[Block]:
    """Paragraphs of a block, the short ones with the next; each is one stretch of the block."""
    begin, position = 0, 0
    for paragraph in block.text.split(JOIN):
        end = position + len(paragraph)
        position = end + len(JOIN)
        if len(block.text[begin:end].strip()) < SHORT_PARAGRAPH and end < len(block.text):
            continue
        yield from _stripped(block, begin, end, size=size)
        begin = position


def _stripped(block: Block, begin: int, end: int, *, size: int) -> Iterator[Block]:
    text = block.text[begin:end]
    if not text.strip():
        return
    begin += len(text) - len(text.lstrip())
    yield from _pieces(Block(block.start + begin, text.strip(), block.heading_path), size=size)


def _parent(places: list[_Place], *, ordinal: int, names: Numbering) -> Parent:
    (page, first), (page_end, last) = places[0], places[-1]
    text = JOIN.join(block.text for _, block in places)
    headings = _common([block.heading_path for _, block in places])
    return Parent(
        ordinal=ordinal,
        text=text,
        page=page,
        page_end=page_end,
        char_start=first.start,
        char_end=last.start + len(last.text),
        heading_path=headings,
        key=names.key(text, headings),
    )


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all of it stands under; those of the deepest where one continues the other."""
    longest = max(paths, key=len)
    if all(longest[: len(path)] == path for path in paths):
        return longest
    shared = 0
    while all(len(path) > shared and path[shared] == longest[shared] for path in paths):
        shared += 1
    return longest[:shared]
