"""Owns telling how a text file is encoded: marks first, then UTF-8, then GB 18030, then statistics."""

import codecs
import re
from pathlib import Path

from charset_normalizer import from_bytes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 8 << 20
_STATISTICS_SAMPLE = 64 << 10
_PAIR = re.compile(rb"([\x81-\xfe])([\x40-\xfe])")


def read_text(path: Path) -> str:
    """The whole file as text, line ends made `\\n`."""
    with path.open(encoding=detect_encoding(path), errors="replace") as file:
        return file.read()


def detect_encoding(path: Path) -> str:
    """Name the codec to read a text file with; always one that exists."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if _is_utf8(sample):
        return "utf-8"
    first = re.search(rb"[\x80-\xff]", sample)
    # Statistics want the part of the file where the foreign characters are.
    near = max(0, (first.start() if first else 0) - 1024)
    telling = sample[near : near + _STATISTICS_SAMPLE]
    if _is_gb18030(telling):
        return "gb18030"
    best = from_bytes(telling).best()
    return best.encoding if best else "cp1252"


def _is_utf8(sample: bytes) -> bool:
    """UTF-8, also when the sample ends inside a character or a handful of bytes is broken."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(sample, final=False)
    broken = text.count("\ufffd") - sample.count(b"\xef\xbf\xbd")
    wide = sum(1 for char in text[:100_000] if char > "\x7f" and char != "\ufffd")
    return broken <= 0 or (broken <= len(text) // 1000 and wide > 10 * broken)


def _is_gb18030(sample: bytes) -> bool:
    """Chinese by its byte pairs: the commonest characters lie in a region that other encodings use otherwise.

    In GB 2312 the common characters have lead bytes B0-D7 and trail bytes from A1. Big5 puts many trail
    bytes below 7F, EUC-JP is full of kana (lead A4, A5), EUC-KR uses no lead byte between C9 and D7.
    """
    pairs = [(lead, trail) for (lead,), (trail,) in _PAIR.findall(sample)]
    if not pairs:
        return False
    total = len(pairs)
    high = sum(trail >= 0xA1 for _, trail in pairs) / total
    common = sum(0xB0 <= lead <= 0xD7 for lead, _ in pairs) / total
    late = sum(0xC9 <= lead <= 0xD7 for lead, _ in pairs) / total
    kana = sum(lead in (0xA4, 0xA5) for lead, _ in pairs) / total
    return high >= 0.9 and common >= 0.6 and late >= 0.12 and kana < 0.2
