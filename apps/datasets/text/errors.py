"""Owns the ways in which reading a document can fail, each with a code and a next step.

    ExtractionError
      EmptyDocument      empty_document     nothing to index
      Encrypted          encrypted          a password is needed
      Damaged            damaged            the file is broken
      NeedsOcr           needs_ocr          pictures of text, or unreadable characters
      TooLarge           too_large          over a limit
      UnsupportedType    unsupported_type   a format we do not read, or a wrong name
      ExtractionTimeout  timeout            took too long
      OutOfMemory        out_of_memory      took too much memory
      RuleTooSlow        cleaning_rule      one of the dataset's own rules took too long
      Cancelled          cancelled          somebody stopped it

`template` and `params` are kept apart so that an interface can translate the sentence.
"""

from collections.abc import Mapping
from typing import ClassVar

Param = str | int | float


class ExtractionError(Exception):
    """A document could not be read; `str(error)` says why and what to do next."""

    code: ClassVar[str]
    template: ClassVar[str]

    def __init__(self, **params: Param) -> None:
        self.params: dict[str, Param] = params
        super().__init__(self.template.format(**params))

    @property
    def message(self) -> str:
        """The sentence for the person who uploaded the file."""
        return str(self)


class EmptyDocument(ExtractionError):
    """Nothing to index."""

    code = "empty_document"
    template = "The document holds no text. Check that it is the right file and that it was saved completely."


class Encrypted(ExtractionError):
    """A password is needed."""

    code = "encrypted"
    template = "The document is protected by a password. Remove the protection and upload it again."


class Damaged(ExtractionError):
    """The file is broken; params: kind, reason."""

    code = "damaged"
    template = (
        "The file cannot be read as {kind}: {reason}. "
        "Open it in its own program, save it again and upload the new copy."
    )


class NeedsOcr(ExtractionError):
    """Pictures of text, or a font without usable characters; params: unreadable, pages."""

    code = "needs_ocr"
    template = (
        "{unreadable} of {pages} pages hold pictures or unreadable characters instead of text. "
        "Run text recognition (OCR) on the document and upload the result."
    )


class TooLarge(ExtractionError):
    """Over a limit; params: what, limit."""

    code = "too_large"
    template = (
        "The document is over the limit of {limit} {what}. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    )


class UnsupportedType(ExtractionError):
    """A format we do not read, or a name that promises another one; params: found, advice."""

    code = "unsupported_type"
    template = "This file is {found}. {advice}"


class ExtractionTimeout(ExtractionError):
    """Took too long; params: seconds."""

    code = "timeout"
    template = (
        "Reading the document took longer than {seconds} seconds and was stopped. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    )


class OutOfMemory(ExtractionError):
    """Took too much memory; params: megabytes."""

    code = "out_of_memory"
    template = (
        "Reading the document needed more than {megabytes} MB of memory and was stopped. "
        "Split it into smaller files, or ask an administrator to raise the limit."
    )


class RuleTooSlow(ExtractionError):
    """One of the dataset's own cleaning rules took too long; params: number, rule, seconds."""

    code = "cleaning_rule"
    template = (
        "Cleaning rule {number} ({rule}) took longer than {seconds} seconds for one page and was stopped. "
        "Write it without repetitions inside repetitions, as in (a+)+, and index the document again."
    )


class Cancelled(ExtractionError):
    """Somebody stopped it."""

    code = "cancelled"
    template = "Reading the document was cancelled. Start it again when you need it."


ERRORS: Mapping[str, type[ExtractionError]] = {
    error.code: error
    for error in (
        EmptyDocument,
        Encrypted,
        Damaged,
        NeedsOcr,
        TooLarge,
        UnsupportedType,
        ExtractionTimeout,
        OutOfMemory,
        RuleTooSlow,
        Cancelled,
    )
}
