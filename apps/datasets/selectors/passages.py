"""A cited passage within its page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Value
from django.db.models.functions import Greatest, Length, Substr

from apps.datasets.models import Chunk, Document, DocumentPage
from apps.datasets.selectors.errors import PassageNotFound

SURROUNDINGS = 6_000
"""Characters shown on either side: a whole page of a PDF, a stretch of a format without pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageInPage:
    """A chunk with the text around it. `before` + `text` + `after` is the page, unless cut."""

    chunk_id: UUID
    document: Document
    ordinal: int
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    before: str
    text: str
    after: str
    is_cut_before: bool
    is_cut_after: bool
    previous_id: UUID | None
    next_id: UUID | None


def passage_with_surroundings(chunk_id: UUID | str, team_id: UUID) -> PassageInPage:
    """A passage in its page. Raises PassageNotFound, also when it belongs to another team."""
    return passage_of_teams(chunk_id, [team_id])


def passage_of_teams(chunk_id: UUID | str, team_ids: Collection[UUID]) -> PassageInPage:
    """The same for somebody of several teams: a citation may lead out of the one they work in now."""
    chunk = _live_chunk(chunk_id, team_ids)
    start = max(0, chunk.char_start - SURROUNDINGS)
    length = chunk.char_end + SURROUNDINGS - start
    window, size = _window(chunk, start, start + length)
    begin, end = (chunk.char_start - start, chunk.char_end - start) if window else (0, len(chunk.text))
    window = window or chunk.text
    neighbours = _neighbours(chunk)
    return PassageInPage(
        chunk_id=chunk.id,
        document=chunk.document,
        ordinal=chunk.ordinal,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        heading_path=tuple(chunk.heading_path),
        before=window[:begin],
        text=window[begin:end],
        after=window[end:],
        is_cut_before=start > 0,
        is_cut_after=size > start + length,
        previous_id=neighbours.get(chunk.ordinal - 1),
        next_id=neighbours.get(chunk.ordinal + 1),
    )


def _window(chunk: Chunk, start: int, end: int) -> tuple[str, int]:
    """A stretch of the page's text and where the last part of it ends; an empty one where the text is gone."""
    pages = DocumentPage.objects.filter(document_id=chunk.document_id, version=chunk.version, number=chunk.page or 0)
    first = pages.filter(char_start__lte=start).order_by("-char_start").values_list("char_start", flat=True).first()
    parts = (
        pages.filter(char_start__gte=first or 0, char_start__lte=end)
        .order_by("char_start")
        .annotate(
            window=Substr(
                "text",
                Greatest(start + 1 - F("char_start"), Value(1)),
                Greatest(end - Greatest(F("char_start"), Value(start)), Value(0)),
            ),
            size=Length("text"),
        )
        .values_list("char_start", "window", "size")
    )
    text, size = "", 0
    for at, window, length in parts:
        text += window
        size = at + length
    return text[: end - start], size


def _live_chunk(chunk_id: UUID | str, team_ids: Collection[UUID]) -> Chunk:
    live = Chunk.objects.filter(
        team_id__in=team_ids,
        version=F("document__version"),
        document__deleted_at=None,
        dataset__deleted_at=None,
        status=Chunk.Status.READY,
    )
    try:
        chunk = live.select_related("document__dataset__team").defer("terms", "lexemes").filter(id=chunk_id).first()
    except ValidationError:
        chunk = None
    if chunk is None:
        raise PassageNotFound("This passage is gone: its document was deleted or has other text now.")
    return chunk


def _neighbours(chunk: Chunk) -> dict[int, UUID]:
    near = Chunk.objects.filter(
        document_id=chunk.document_id, version=chunk.version, ordinal__in=(chunk.ordinal - 1, chunk.ordinal + 1)
    )
    return dict(near.values_list("ordinal", "id"))
