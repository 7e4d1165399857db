"""Reads HTML: its title, and the article without navigation if one is found, else all visible text."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import trafilatura
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.extract.md import split_headings
from apps.datasets.text.extract.tables import markdown_row, markdown_rule
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
    for section in split_headings(_article(source, tree)):
        path_of_section = section.heading_path
        if title and path_of_section[:1] != (title,):
            path_of_section = (title, *path_of_section)
        yield replace(section, heading_path=path_of_section)


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


def _article(source: str, tree: LexborHTMLParser) -> str:
    found = trafilatura.extract(
        source,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_links=False,
        include_formatting=True,
        favor_recall=True,
        deduplicate=False,
    )
    if found and len(found) >= SHORT_ARTICLE:
        return found
    whole = _visible_text(tree)
    return found if found and len(found) * 2 >= len(whole) else whole


def _visible_text(tree: LexborHTMLParser) -> str:
    tree.strip_tags(_NOT_CONTENT, recursive=True)
    parts: list[str] = []
    if tree.body is not None:
        _walk(tree.body, parts)
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in "".join(parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _walk(node: LexborNode, parts: list[str]) -> None:
    """Write a node as Markdown-like text: headings, list items, table rows, blocks on lines of their own."""
    for child in node.iter(include_text=True):
        tag = child.tag or ""
        if tag == "-text":
            parts.append(re.sub(r"\s+", " ", child.text(deep=False)))
        elif tag == "br":
            parts.append("\n")
        elif re.fullmatch("h[1-6]", tag):
            heading = re.sub(r"\s+", " ", child.text()).strip()
            parts.append(f"\n\n{'#' * int(tag[1])} {heading}\n\n")
        elif tag == "table":
            parts.append(f"\n\n{_table(child)}\n\n")
        elif tag == "li":
            parts.append("\n- ")
            _walk(child, parts)
        else:
            edge = "\n\n" if tag in _BLOCKS else ""
            parts.append(edge)
            _walk(child, parts)
            parts.append(edge)


def _table(table: LexborNode) -> str:
    rows = [[cell.text(separator=" ") for cell in row.css("th, td")] for row in table.css("tr")]
    rows = [row for row in rows if row]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [markdown_row([*row, *[""] * (width - len(row))]) for row in rows]
    return "\n".join([lines[0], markdown_rule(width), *lines[1:]])
