"""Make handbook.pdf from the chapters, one chapter per page or more, so that citations have pages to point at."""

from __future__ import annotations

import html
import re
from pathlib import Path

from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus.flowables import Flowable

HERE = Path(__file__).resolve().parent
TARGET = HERE / "handbook.pdf"
STYLES = {
    "#": ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=17, leading=22, spaceAfter=8),
    "##": ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=11, leading=15, spaceBefore=8, spaceAfter=3),
    "": ParagraphStyle("body", fontName="Helvetica", fontSize=9.5, leading=13.5, spaceAfter=5),
}


def flowables(markdown: str) -> list[Flowable]:
    """A chapter's headings and paragraphs."""
    parts: list[Flowable] = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        marks, text = re.match(r"(#{0,2})\s*(.*)", block, re.DOTALL).groups()  # type: ignore[union-attr]
        parts.append(Paragraph(_inline(" ".join(text.split())), STYLES[marks]))
    return parts


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r'<font face="Courier">\1</font>', html.escape(text, quote=False))


def _foot(canvas: object, document: object) -> None:
    canvas.setFont("Helvetica", 8)  # type: ignore[attr-defined]
    canvas.drawCentredString(A5[0] / 2, 9 * mm, str(document.page))  # type: ignore[attr-defined]


def build(target: Path = TARGET) -> None:
    """Write the PDF; the same chapters give the same bytes."""
    story: list[Flowable] = []
    for chapter in sorted(HERE.glob("0*.md")):
        story += [*flowables(chapter.read_text(encoding="utf-8")), PageBreak(), Spacer(0, 0)]
    SimpleDocTemplate(
        str(target),
        pagesize=A5,
        title="The Skep handbook",
        author="The Skep project",
        leftMargin=16 * mm,
        rightMargin=16 * mm,
        topMargin=15 * mm,
        bottomMargin=17 * mm,
        invariant=1,
    ).build(story[:-2], onFirstPage=_foot, onLaterPages=_foot)


if __name__ == "__main__":
    build()
