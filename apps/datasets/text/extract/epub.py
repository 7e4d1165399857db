"""Reads EPUB books: the documents of the spine in their order, under the title of the book.

Format: EPUB 3.3, W3C (container.xml names the package, its spine the reading order).
"""

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from apps.datasets.text.errors import Damaged, Encrypted, TooLarge
from apps.datasets.text.extract.html import visible_blocks
from apps.datasets.text.extract.outline import sections_of
from apps.datasets.text.limits import MEGABYTE, Limits
from apps.datasets.text.sections import Section

MAX_PART = 64 * MEGABYTE
_NAMES = {
    "c": "urn:oasis:names:tc:opendocument:xmlns:container",
    "o": "http://www.idpf.org/2007/opf",
    "dc": "http://purl.org/dc/elements/1.1/",
    "enc": "http://www.w3.org/2001/04/xmlenc#",
}
# Fonts may be scrambled in a book that is otherwise free to read.
_FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def page_count(path: Path) -> int | None:
    """The pages of a book depend on what shows it."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per heading of each chapter."""
    try:
        with zipfile.ZipFile(path) as book:
            _refuse_locked(book)
            title, chapters = _package(book)
            above = (title,) if title else ()
            if len(chapters) > limits.max_pages:
                raise TooLarge(what="chapters", limit=limits.max_pages)
            for name in chapters:
                source = _part(book, name).decode("utf-8", errors="replace")
                for section in sections_of(visible_blocks(source)):
                    yield replace(section, heading_path=(*above, *section.heading_path))
    except (zipfile.BadZipFile, KeyError, etree.LxmlError, NotImplementedError, RuntimeError, EOFError) as exc:
        raise Damaged(kind="epub", reason="its parts are incomplete or broken") from exc


def _package(book: zipfile.ZipFile) -> tuple[str, list[str]]:
    """The title, and the names of the chapters in reading order."""
    container = etree.fromstring(_part(book, "META-INF/container.xml"), _PARSER)
    root = container.find(".//c:rootfile", _NAMES)
    if root is None:
        raise Damaged(kind="epub", reason="it does not say where its package is")
    name = root.get("full-path", "")
    package = etree.fromstring(_part(book, name), _PARSER)
    items = {
        item.get("id"): item.get("href", "")
        for item in package.iterfind(".//o:manifest/o:item", _NAMES)
        if "html" in item.get("media-type", "")
    }
    spine = [ref.get("idref") for ref in package.iterfind(".//o:spine/o:itemref", _NAMES)]
    folder = posixpath.dirname(name)
    chapters = [_resolved(folder, items[each]) for each in spine if each in items]
    if not chapters:
        raise Damaged(kind="epub", reason="its spine names no chapter")
    return " ".join((package.findtext(".//dc:title", "", _NAMES) or "").split()), list(dict.fromkeys(chapters))


def _resolved(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(urlsplit(href).path)))


def _part(book: zipfile.ZipFile, name: str) -> bytes:
    if book.getinfo(name).file_size > MAX_PART:
        raise TooLarge(what="MB in one part", limit=MAX_PART // MEGABYTE)
    return book.read(name)


def _refuse_locked(book: zipfile.ZipFile) -> None:
    if "META-INF/encryption.xml" not in book.namelist():
        return
    tree = etree.fromstring(_part(book, "META-INF/encryption.xml"), _PARSER)
    methods = {method.get("Algorithm", "") for method in tree.iterfind(".//enc:EncryptionMethod", _NAMES)}
    if methods.difference(_FONT_SCRAMBLING):
        raise Encrypted
