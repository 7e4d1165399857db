"""Builds the documents that the tests read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

BuildPdf = Callable[..., Path]


@pytest.fixture
def build_pdf(tmp_path: Path) -> BuildPdf:
    """Write a PDF whose pages hold the given lines; a page given as None is a picture."""

    def build(
        pages: Sequence[Sequence[str] | None],
        *,
        name: str = "book.pdf",
        font: str = "Helvetica",
        password: str = "",
    ) -> Path:
        path = tmp_path / name
        if font == "STSong-Light":
            pdfmetrics.registerFont(UnicodeCIDFont(font))
        canvas = Canvas(str(path), pagesize=A4, encrypt=StandardEncryption(password) if password else None)
        for lines in pages:
            canvas.setFont(font, 11)
            if lines is None:
                canvas.drawImage(_picture(), 72, 300, 300, 300)
            for number, line in enumerate(lines or ()):
                canvas.drawString(72, 780 - 16 * number, line)
            canvas.showPage()
        canvas.save()
        return path

    return build


def _picture() -> ImageReader:
    from PIL import Image

    return ImageReader(Image.new("RGB", (64, 64), "navy"))
