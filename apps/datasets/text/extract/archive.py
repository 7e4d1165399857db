"""Owns the look into a zip container before anybody unpacks it: what it is, and whether it is a bomb."""

import zipfile
from pathlib import Path

from apps.datasets.text.errors import Damaged, TooLarge
from apps.datasets.text.limits import MEGABYTE, Limits

MAX_RATIO = 200
"""Office XML packs about 10 to 1, repetitive tables up to 100 to 1."""
_RATIO_FROM = 10 * MEGABYTE

_KINDS = (
    ("word/document.xml", "docx"),
    ("xl/workbook.xml", "xlsx"),
    ("xl/workbook.bin", "xlsx"),
    ("ppt/presentation.xml", "pptx"),
    ("META-INF/container.xml", "epub"),
    ("content.xml", "an OpenDocument file"),
)


def archive_kind(path: Path, *, limits: Limits) -> str:
    """Name what is in the container: a kind that we read, or words that describe what we do not.

    The sizes come from the directory; `zipfile` never unpacks more of an entry than its directory says,
    so a lie there ends as a damaged file and not as a full memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
        raise Damaged(kind="document", reason="its container is incomplete") from exc
    _refuse_bomb(entries, limits=limits)
    names = {entry.filename for entry in entries}
    if "content.xml" in names and _is_sheet(path):
        return "xlsx"
    return next((kind for name, kind in _KINDS if name in names), "a zip archive")


def _is_sheet(path: Path) -> bool:
    """Whether an OpenDocument file says that it is a spreadsheet."""
    with zipfile.ZipFile(path) as archive:
        try:
            return archive.open("mimetype").read(100) == b"application/vnd.oasis.opendocument.spreadsheet"
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            return False


def _refuse_bomb(entries: list[zipfile.ZipInfo], *, limits: Limits) -> None:
    if len(entries) > limits.max_archive_entries:
        raise TooLarge(what="parts in the file", limit=limits.max_archive_entries)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.max_unpacked_bytes:
        raise TooLarge(what="MB when unpacked", limit=limits.max_unpacked_bytes // MEGABYTE)
    for entry in entries:
        if entry.file_size > _RATIO_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise TooLarge(what="times its packed size when unpacked", limit=MAX_RATIO)
