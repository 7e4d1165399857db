"""Documents and waiting, for the tests of datasets."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from apps.datasets.models import Dataset, Document
from apps.datasets.services.documents import Added, add_document
from apps.datasets.services.indexing import index_now

PATIENCE = 60.0


def pdf(pages: Sequence[Sequence[str]], *, password: str = "") -> bytes:
    """A PDF with these lines on its pages."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, encrypt=StandardEncryption(password) if password else None)
    for lines in pages:
        canvas.setFont("Helvetica", 11)
        for number, line in enumerate(lines):
            canvas.drawString(72, 780 - 16 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def long_pdf(pages: int, *, lines: int = 30) -> bytes:
    """A PDF of so many pages, each with words of its own."""
    return pdf(
        [
            [
                f"Page {page} line {line}: the keeper of hive {page * 31 + line} counts frames and honey."
                for line in range(lines)
            ]
            for page in range(1, pages + 1)
        ]
    )


def put(dataset: Dataset, name: str, content: bytes | str, *, index: bool = True, **options: object) -> Added:
    """Upload a file and, unless told otherwise, index it in this process."""
    data = content.encode() if isinstance(content, str) else content
    added = add_document(dataset=dataset, name=name, content=[data], enqueue=False, **options)
    if index and added.run_id:
        index_now(added.run_id)
        added.document.refresh_from_db()
    return added


def wait_for(condition: Callable[[], object], *, seconds: float = PATIENCE, what: str = "it") -> None:
    """Wait until something is so; fail with a name when it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.02)


def is_ended(document: Document) -> bool:
    document.refresh_from_db()
    return not document.is_indexing
