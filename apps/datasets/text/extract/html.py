"""Reads HTML: its title, and the article without navigation if one is found, else all visible text."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import trafilatura
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.datasets.text.extract.article import article_blocks
from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.extract.outline import Block, sections_of
from apps.datasets.text.extract.tables import markdown_table
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

SHORT_ARTICLE = 200
"""Below this length the article finder is trusted only when the page itself holds little more."""

_NOT_CONTENT = ["script", "style", "noscript", "template", "svg", "iframe", "head"]
_NOT_CONTENT += ["nav", "footer", "aside", "form"]
_BLOCKS = {
    *("p", "div", "section", "article", "main", "ul", "ol", "dl", "dt", "dd", "blockquote", "pre", "figure"),
    *("header", "address", "details", "summary", "body", "html", "fieldset", "figcaption", "hr"),
}
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{3,30})""", re.IGNORECASE)


def page_count(path: Path) -> int | None:
    """A web page has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per heading; the title heads the path of headings."""
    source = _decode(path)
    tree = LexborHTMLParser(source)
    title = _title(tree)
    for section in sections_of(_blocks(source, tree)):
        headings = section.heading_path
        if title and headings[:1] != (title,):
            headings = (title, *headings)
        yield replace(section, heading_path=headings)


def _decode(path: Path) -> str:
    """Decode by mark, by UTF-8 itself, by what the page declares, then by statistics."""
    raw = path.read_bytes()
    encoding = detect_encoding(path)
    declared = _META_CHARSET.search(raw[:4096])
    if declared and not encoding.startswith("utf"):
        try:
            return raw.decode(declared[1].decode("ascii"), errors="replace")
        except LookupError:
            pass  # a charset nobody knows: go by the bytes
    return raw.decode(encoding, errors="replace")


def _title(tree: LexborHTMLParser) -> str:
    node = tree.css_first("title")
    return re.sub(r"\s+", " ", node.text()).strip() if node else ""


def _blocks(source: str, tree: LexborHTMLParser) -> list[Block]:
    """The article's blocks, or those of the whole page where the finder found too little."""
    found = _article(source)
    length = sum(len(text) for _, text in found)
    if length >= SHORT_ARTICLE:
        return found
    whole = _visible(tree)
    return found if length * 2 >= sum(len(text) for _, text in whole) else whole


def _article(source: str) -> list[Block]:
    document = trafilatura.bare_extraction(
        source, include_comments=False, include_tables=True, include_formatting=False, favor_recall=True
    )
    body = getattr(document, "body", None)
    if body is None:
        return []
    return [(level, text.strip("\n")) for level, text in article_blocks(body) if text.strip()]


def visible_blocks(source: str) -> list[Block]:
    """All that a page or part of one shows, without looking for an article in it."""
    return _visible(LexborHTMLParser(source))


def _visible(tree: LexborHTMLParser) -> list[Block]:
    tree.strip_tags(_NOT_CONTENT, recursive=True)
    collected = _Collected()
    if tree.body is not None:
        _walk(tree.body, collected)
    collected.end_block()
    return collected.blocks


class _Collected:
    """Blocks so far, and the words of the one that is open."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.words: list[str] = []

    def end_block(self, *, level: int = 0) -> None:
        """Close the open block, as a heading if a level is given."""
        lines = (re.sub(r"[ \t]+", " ", line).strip() for line in "".join(self.words).split("\n"))
        text = "\n".join(line for line in lines if line)
        if text:
            self.blocks.append((level, text))
        self.words = []


def _walk(node: LexborNode, collected: _Collected) -> None:
    for child in node.iter(include_text=True):
        tag = child.tag or ""
        if tag == "-text":
            collected.words.append(re.sub(r"\s+", " ", child.text(deep=False)))
        elif tag == "br":
            collected.words.append("\n")
        elif re.fullmatch("h[1-6]", tag):
            collected.end_block()
            collected.words.append(child.text())
            collected.end_block(level=int(tag[1]))
        elif tag == "table":
            collected.end_block()
            rows = [[cell.text(separator=" ") for cell in row.css("th, td")] for row in child.css("tr")]
            collected.words.append(markdown_table(rows))
            collected.end_block()
        elif tag == "li":
            collected.words.append("\n- ")
            _walk(child, collected)
        elif tag in _BLOCKS:
            collected.end_block()
            _walk(child, collected)
            collected.end_block()
        else:
            _walk(child, collected)
