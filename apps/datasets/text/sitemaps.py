"""Owns reading sitemaps: XML or plain text, gzipped or not, a list of pages or a list of further sitemaps.

Format: sitemaps.org, version 0.9.
"""

import zlib
from dataclasses import dataclass

from lxml import etree

MAX_UNPACKED = 50 << 20
MAX_ADDRESSES = 50_000
_GZIP = b"\x1f\x8b"
_PIECE = 64 << 10


class SitemapError(ValueError):
    """It cannot be read as a sitemap; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """What a sitemap lists; one of the two is empty."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(content: bytes) -> Sitemap:
    """The addresses in it, in their order and without repetitions. Raises SitemapError."""
    content = _unpacked(content) if content.startswith(_GZIP) else content
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_text(content)
    pages: dict[str, None] = {}
    sitemaps: dict[str, None] = {}
    parser = etree.XMLPullParser(
        events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        for start in range(0, len(content), _PIECE):
            parser.feed(content[start : start + _PIECE])
            _collect(parser, pages, sitemaps)
        parser.close()
        _collect(parser, pages, sitemaps)
    except etree.XMLSyntaxError as exc:
        raise SitemapError(f"it is not well-formed XML ({exc.msg})") from exc
    if not pages and not sitemaps:
        raise SitemapError("it lists no addresses")
    return Sitemap(pages=tuple(pages), sitemaps=tuple(sitemaps))


def _collect(parser: etree.XMLPullParser, pages: dict[str, None], sitemaps: dict[str, None]) -> None:
    for _event, element in parser.read_events():
        name = _local(element)
        parent = element.getparent()
        if name == "loc" and parent is not None and (text := (element.text or "").strip()):
            {"url": pages, "sitemap": sitemaps}.get(_local(parent), {})[text] = None
            if len(pages) + len(sitemaps) > MAX_ADDRESSES:
                raise SitemapError(f"it lists more than {MAX_ADDRESSES:,} addresses")
        if name in ("url", "sitemap"):
            element.clear()
            while element.getprevious() is not None and parent is not None:
                del parent[0]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _read_text(content: bytes) -> Sitemap:
    if b"\x00" in content[:4096]:
        raise SitemapError("it is neither XML nor text")
    lines = content.decode("utf-8", errors="replace").splitlines()
    pages = dict.fromkeys(line.strip() for line in lines if line.strip().startswith(("http://", "https://")))
    if not pages:
        raise SitemapError("it lists no addresses")
    if len(pages) > MAX_ADDRESSES:
        raise SitemapError(f"it lists more than {MAX_ADDRESSES:,} addresses")
    return Sitemap(pages=tuple(pages))


def _unpacked(content: bytes) -> bytes:
    """What a gzip file holds; one that grows beyond the limit is refused before it does."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(content, MAX_UNPACKED + 1)
    except zlib.error as exc:
        raise SitemapError("its gzip file is damaged") from exc
    if len(unpacked) > MAX_UNPACKED:
        raise SitemapError(f"it unpacks to more than {MAX_UNPACKED >> 20} MB")
    return unpacked
