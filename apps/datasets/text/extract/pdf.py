"""Reads PDF page by page with pypdfium2; every page is closed before the next one is opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from apps.datasets.text.errors import Damaged, Encrypted, NeedsOcr, TooLarge
from apps.datasets.text.extract.garble import is_unreadable
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

MAX_UNREADABLE = 0.5
"""A document with more unreadable pages than this is refused; with fewer, those pages are marked."""
_COUNTED_OBJECTS = 2_000


def page_count(path: Path) -> int | None:
    """How many pages the document has."""
    with _opened(path) as document:
        return len(document)


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per page, numbered from 1; a page that cannot be read as text is empty and marked."""
    unreadable = 0
    with _opened(path) as document:
        total = len(document)
        if total == 0:
            raise Damaged(kind="pdf", reason="it has no pages")
        if total > limits.max_pages:
            raise TooLarge(what="pages", limit=limits.max_pages)
        for index in range(total):
            section = _read_page(document, index)
            unreadable += section.unreadable
            yield section
    if unreadable > total * MAX_UNREADABLE:
        raise NeedsOcr(unreadable=unreadable, pages=total)


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as exc:
        if exc.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise Encrypted from exc
        raise Damaged(kind="pdf", reason="its structure is broken or incomplete") from exc
    try:
        yield document
    finally:
        document.close()


def _read_page(document: pypdfium2.PdfDocument, index: int) -> Section:
    try:
        page = document[index]
    except pypdfium2.PdfiumError as exc:
        raise Damaged(kind="pdf", reason=f"page {index + 1} cannot be opened") from exc
    try:
        textpage = page.get_textpage()
        try:
            text = textpage.get_text_range().replace("\r\n", "\n")
        finally:
            textpage.close()
        images, paths = _drawn_objects(page) if len(text) < 200 else (0, 0)
    except pypdfium2.PdfiumError as exc:
        raise Damaged(kind="pdf", reason=f"the text of page {index + 1} cannot be read") from exc
    finally:
        page.close()
    unreadable = is_unreadable(text, images=images, paths=paths)
    return Section(text="" if unreadable else text, page=index + 1, unreadable=unreadable)


def _drawn_objects(page: pypdfium2.PdfPage) -> tuple[int, int]:
    """Count pictures and shapes, up to a bound; only asked for pages that are short of text."""
    images = paths = 0
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _COUNTED_OBJECTS)):
        kind = pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index))
        images += kind == pdfium.FPDF_PAGEOBJ_IMAGE
        paths += kind == pdfium.FPDF_PAGEOBJ_PATH
    return images, paths
