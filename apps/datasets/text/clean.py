"""Owns making extracted text fit to store, search and show to a model.

Cleaning happens BEFORE chunks are cut: every character offset in a citation counts in the cleaned text of
its page (see `sections.page_texts`), so a text must be cleaned once, and never again with other settings,
between chunking and citing. Cleaning a cleaned text changes nothing, unless a dataset's own rules do.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from apps.datasets.text.furniture import without_furniture
from apps.datasets.text.layout import unwrap_lines
from apps.datasets.text.rules import apply_rules
from apps.datasets.text.sections import Section

PAGED_KINDS = frozenset({"pdf"})
EXACT_KINDS = frozenset({"md"})
"""Kinds whose spaces inside a line are part of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSettings:
    """What a dataset may choose; the removal of unsafe characters is not a choice."""

    collapse_spaces: bool = True
    remove_urls_emails: bool = False
    remove_furniture: bool = True
    """Drop running headers and footers of paged documents."""
    unwrap: bool = True
    """Join the hard line ends of paged documents."""
    rules: tuple[tuple[str, str], ...] = ()
    """Regular expressions and what replaces their matches (with \\1 for groups), applied in this order."""
    tables: bool = False
    """Read the ruled tables of PDF pages as tables, too: slow, a few pages a second."""


# NUL and other controls cannot be stored or shown. Zero-width and direction-changing characters and
# Unicode tags hide instructions from the people who review a text. Joiners stay: emoji and Persian need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n?|\x85|\u2028|\u2029|\x0c")
_COMPATIBLE = re.compile("[\u2e80-\u2fd5\ufb00-\ufb06]")
_URL_EMAIL = re.compile(r"(?:https?|ftp)://[^\s<>\"'（）。，、]+|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_BROKEN_WORD = re.compile("([^\\W\\d_])[\x02\u00ad\ufffe]\\s*\n\\s*(?=[^\\W\\d_])")


def clean_sections(
    sections: Iterable[Section], *, kind: str = "txt", settings: CleanSettings | None = None
) -> Iterator[Section]:
    """Clean the sections of one document in order; of a paged one at most a few dozen pages are held."""
    chosen = settings or CleanSettings()
    if kind in PAGED_KINDS and chosen.remove_furniture:
        sections = without_furniture(sections)
    for section in sections:
        yield replace(
            section,
            text=clean_text(section.text, kind=kind, settings=chosen),
            heading_path=tuple(_one_line(name) for name in section.heading_path),
        )


def clean_text(text: str, *, kind: str = "txt", settings: CleanSettings | None = None) -> str:
    """Clean one text of the given kind."""
    chosen = settings or CleanSettings()
    text = _NEWLINE.sub("\n", text)
    if kind in PAGED_KINDS:
        # A PDF marks a word broken at a line end with one of these where a hyphen is seen.
        text = _BROKEN_WORD.sub(r"\1", text)
    text = safe_text(text)
    if kind in PAGED_KINDS and chosen.unwrap:
        text = unwrap_lines(text)
    if chosen.remove_urls_emails:
        text = _URL_EMAIL.sub("", text)
    text = apply_rules(text, chosen.rules)
    return tidy_spaces(text, collapse=chosen.collapse_spaces and kind not in EXACT_KINDS)


def safe_text(text: str) -> str:
    """Remove what cannot be stored or could pass for a model's control tokens; undo ligatures."""
    text = _SURROGATE.sub("\ufffd", text)
    text = _UNSAFE.sub("", text)
    text = _COMPATIBLE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"\|+>", ">", re.sub(r"<\|+", "<", text))


def tidy_spaces(text: str, *, collapse: bool = True) -> str:
    """No blanks at line ends, at most one empty line in a row, and (if asked) one blank between words."""
    if collapse:
        text = re.sub(r"(?<=\S)[^\S\n]+(?=\S)", " ", text)
    text = re.sub(r"[^\S\n]+(?=\n|\Z)", "", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip("\n") if not collapse else text.strip()


def _one_line(name: str) -> str:
    return re.sub(r"\s+", " ", safe_text(name)).strip()
