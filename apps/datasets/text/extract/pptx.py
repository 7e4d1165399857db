"""Reads PowerPoint presentations: a slide is a page; its notes follow its text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from lxml import etree
from pptx import Presentation
from pptx.exc import PythonPptxError
from pptx.presentation import Presentation as Slides
from pptx.shapes.group import GroupShape

from apps.datasets.text.errors import Damaged, TooLarge
from apps.datasets.text.extract.tables import markdown_table
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import JOIN, Section

MAX_NESTING = 16


def page_count(path: Path) -> int | None:
    """How many slides there are."""
    return len(_opened(path).slides)


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per slide that says something, numbered as the slides are."""
    slides = _opened(path).slides
    if len(slides) > limits.max_pages:
        raise TooLarge(what="slides", limit=limits.max_pages)
    for number, slide in enumerate(slides, start=1):
        try:
            title = _line(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""
            texts = [text for shape in _in_order(slide.shapes) for text in _texts(shape) if text != title]
            notes = _notes(slide)
        except (KeyError, AttributeError, ValueError, PythonPptxError, etree.LxmlError) as exc:
            raise Damaged(kind="pptx", reason=f"slide {number} is broken") from exc
        parts = [f"# {title}" if title else "", *texts, f"Notes: {notes}" if notes else ""]
        text = JOIN.join(part for part in parts if part)
        if text:
            yield Section(text=text, page=number, heading_path=(title,) if title else ())


def _opened(path: Path) -> Slides:
    try:
        return Presentation(str(path))
    except (PythonPptxError, BadZipFile, KeyError, ValueError, AttributeError, etree.LxmlError) as exc:
        raise Damaged(kind="pptx", reason="its parts are incomplete or broken") from exc


def _in_order(shapes: Any) -> list[Any]:
    """As they are read: from the top down, from left to right; what inherits its place keeps its order."""
    return sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))


def _texts(shape: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(shape, GroupShape):
        if depth < MAX_NESTING:
            for inner in _in_order(shape.shapes):
                yield from _texts(inner, depth + 1)
    elif getattr(shape, "has_table", False):
        yield markdown_table([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif shape.has_text_frame:
        lines = (_item(paragraph) for paragraph in shape.text_frame.paragraphs)
        text = "\n".join(line for line in lines if line.strip())
        if text:
            yield text


def _item(paragraph: Any) -> str:
    """A paragraph; what is indented is an item of a list."""
    text = _line("".join(run.text for run in paragraph.runs)) or _line(paragraph.text)
    return f"{'  ' * (paragraph.level - 1)}- {text}" if text and paragraph.level else text


def _line(text: str) -> str:
    return " ".join(text.split())


def _notes(slide: Any) -> str:
    if not slide.has_notes_slide or slide.notes_slide.notes_text_frame is None:
        return ""
    return str(slide.notes_slide.notes_text_frame.text).strip()
