"""Owns telling what a file is: its first bytes decide, its name must not contradict them."""

import codecs
from pathlib import Path
from typing import Literal, cast

from apps.datasets.text.errors import Damaged, Encrypted, UnsupportedType
from apps.datasets.text.extract.archive import archive_kind
from apps.datasets.text.limits import Limits

Kind = Literal["pdf", "docx", "html", "md", "txt", "csv", "xlsx", "pptx", "epub", "eml", "vtt", "json"]

EXTENSIONS: dict[str, Kind] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "md",
    ".markdown": "md",
    ".mdx": "md",
    ".csv": "csv",
    ".tsv": "csv",
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "xlsx"),
    ".pptx": "pptx",
    ".epub": "epub",
    ".eml": "eml",
    **dict.fromkeys((".vtt", ".srt"), "vtt"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".txt", ".text", ".log", ".rst", ".yaml", ".yml", ".xml", ".properties", ".ini"), "txt"),
}
READABLE = (
    "PDF, Word (.docx), PowerPoint (.pptx), Excel, OpenDocument sheets, EPUB, HTML, Markdown, CSV, JSON, "
    "e-mail (.eml), subtitles and plain text can be read."
)

_SIGNATURES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a sound or picture file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_HEAD = 4096
_NAMES = {
    "pdf": "a PDF document",
    "docx": "a Word document",
    "pptx": "a PowerPoint presentation",
    "xlsx": "an Excel workbook",
    "epub": "an EPUB book",
}
_BINARY = frozenset(_NAMES)


def detect_type(path: Path, filename: str, *, limits: Limits | None = None) -> Kind:
    """Say which reader fits; refuse unknown formats and names that promise another format."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    extension = Path(filename).suffix.lower()
    promised = EXTENSIONS.get(extension)
    if extension and promised is None:
        raise UnsupportedType(found=f"of the type {extension}", advice=READABLE)
    found = _binary_kind(path, head, limits=limits or Limits())
    if found is not None:
        if promised not in (None, found):
            advice = f"Its name ends in {extension}: rename it to .{found} and upload it again."
            raise UnsupportedType(found=_NAMES[found], advice=advice)
        return found
    if promised in _BINARY:
        raise Damaged(kind=promised, reason="it does not begin like such a file")
    return promised or _text_kind(head)


def _binary_kind(path: Path, head: bytes, *, limits: Limits) -> Kind | None:
    """The kind of a file that is not plain text; None for text."""
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = archive_kind(path, limits=limits)
        if found in _BINARY:
            return cast(Kind, found)
        raise UnsupportedType(found=found, advice=READABLE)
    if head.startswith(_OLE):
        return _ole_kind(path)
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedType(found=found, advice=READABLE)
    if b"\x00" in head and not head.startswith(_BOMS):
        raise UnsupportedType(found="a binary file of unknown type", advice=READABLE)
    return None


def _ole_kind(path: Path) -> Kind:
    """Office's old container: a workbook can be read; a protected new document and other old ones cannot."""
    names = {name: name.encode("utf-16-le") for name in ("EncryptedPackage", "Workbook")}
    longest = max(map(len, names.values()))
    found: set[str] = set()
    with path.open("rb") as file:
        tail = b""
        while block := file.read(1 << 20):
            found.update(name for name, mark in names.items() if mark in tail + block)
            tail = block[-longest:]
    if "EncryptedPackage" in found:
        raise Encrypted
    if "Workbook" in found:
        return "xlsx"
    raise UnsupportedType(found="an Office document of before 2007", advice="Save it as .docx and upload that.")


def _text_kind(head: bytes) -> Kind:
    """Guess among the text formats for a file whose name says nothing."""
    start = head.lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower()
    return "html" if start.startswith((b"<!doctype html", b"<html")) else "txt"


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_EXTENSION_OF_TYPE = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/vtt": ".vtt",
    "application/x-subrip": ".srt",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    f"{_OPEN_XML}.wordprocessingml.document": ".docx",
    f"{_OPEN_XML}.presentationml.presentation": ".pptx",
    f"{_OPEN_XML}.spreadsheetml.sheet": ".xlsx",
    "application/xml": ".xml",
    "text/xml": ".xml",
}
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/zip", "text/plain"})


def extension_of_type(content_type: str, *, named: str = "") -> str | None:
    """The extension that leads a file to its reader, from a server's `Content-Type`; None for what nobody reads.

    Where the type says little, the extension that the address has (`named`) decides.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _VAGUE and named in EXTENSIONS:
        return named
    if kind == "application/vnd.ms-excel" and named == ".csv":
        return named
    if (found := _EXTENSION_OF_TYPE.get(kind)) is not None:
        return found
    if kind == "" or kind.startswith("text/"):
        return ".txt"
    return None
