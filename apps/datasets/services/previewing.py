"""What settings would make of a document, before anything is indexed or embedded."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from apps.datasets.models import Dataset, Document
from apps.datasets.services.cutting import Cutting, config_hash, cutting_for
from apps.datasets.services.edits import chunk_id
from apps.datasets.services.reading import content_of
from apps.datasets.settings_of_dataset import DatasetSettings, as_stored, settings_of_document
from apps.datasets.text.child import Progress, extract_in_child
from apps.datasets.text.chunk import Chunk
from apps.datasets.text.errors import ExtractionTimeout
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section
from providers.services import open_embedding_model

PAGES = 5
CHARACTERS = 40_000
CHUNKS = 60
LIMITS = Limits(wall_seconds=20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The chunks of a document's first pages. `asks_model`: they are what a model would write pairs for."""

    chunks: list[Chunk]
    tokens: list[int]
    is_cut: bool
    """Whether the document goes on after these."""
    asks_model: bool
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What indexing again would do: chunks that keep their vector, that are embedded, and that go."""

    documents: int = 0
    kept: int = 0
    embedded: int = 0
    gone: int = 0
    unknown: int = 0
    """Documents that were not looked at: for want of time, or because they cannot be read."""


def preview(document: Document, settings: DatasetSettings) -> Preview:
    """Cut the first pages. Raises ExtractionError and ModelError."""
    cutting = _cutting(document.dataset, settings)
    kinds: list[str] = []
    reach = _Reach()
    with closing(_sections(document, cutting, kinds)) as sections:
        first = list(reach.through(sections))
    kind = kinds[-1] if kinds else document.kind
    chunks = list(cutting.cut(first, kind=kind))
    shown = chunks[:CHUNKS]
    return Preview(
        chunks=shown,
        tokens=[round(cutting.chunks.count(chunk.search_text)) for chunk in shown],
        is_cut=reach.is_cut or len(chunks) > len(shown),
        asks_model=cutting.asks_model(kind),
        max_tokens=cutting.chunks.max_tokens or 0,
    )


def outdated(dataset: Dataset, settings: DatasetSettings | None = None) -> list[UUID]:
    """The documents that were indexed in another way than the settings say now."""
    stored = as_stored(settings) if settings else dataset.settings
    model = open_embedding_model(dataset.embedding_model, team_id=dataset.team_id)
    wanted: dict[str, str] = {}
    rows = (
        Document.objects.live()
        .filter(dataset=dataset, version__gt=0, runs__version=F("version"))
        .values_list("id", "settings", "runs__config_hash")
    )
    found = []
    for key, own, hashed in rows:
        name = repr(own)
        if name not in wanted:
            wanted[name] = config_hash(settings_of_document(stored, own), model)
        if hashed != wanted[name]:
            found.append(key)
    return found


def changes(dataset: Dataset, settings: DatasetSettings, *, seconds: float = 10.0) -> Changes:
    """What indexing the outdated documents again would change, as far as it can be found out in the time."""
    until, total, stored = time.monotonic() + seconds, Changes(), as_stored(settings)
    for key in outdated(dataset, settings):
        document = Document.objects.select_related("dataset").get(id=key)
        cutting = _cutting(dataset, settings_of_document(stored, document.settings))
        found = None if time.monotonic() > until else _changes(document, cutting, until=until)
        if found is None:
            found = Changes(unknown=1)
        total = Changes(
            documents=total.documents + 1,
            kept=total.kept + found.kept,
            embedded=total.embedded + found.embedded,
            gone=total.gone + found.gone,
            unknown=total.unknown + found.unknown,
        )
    return total


def _changes(document: Document, cutting: Cutting, *, until: float) -> Changes | None:
    kinds: list[str] = []
    before = set(document.chunks.filter(version=document.version, origin="read").values_list("id", flat=True))
    after: set[UUID] = set()
    try:
        with closing(_sections(document, cutting, kinds)) as sections:
            first = next(sections, None)
            if first is None or cutting.asks_model(kinds[-1]):
                return None
            for chunk in cutting.cut(_chain(first, sections), kind=kinds[-1]):
                after.add(chunk_id(document, chunk.key))
                if time.monotonic() > until:
                    return None
    except ExtractionTimeout:
        return None
    edited = set(document.edits.filter(is_current=True).values_list("chunk_id", flat=True))
    return Changes(kept=len(after & before), embedded=len(after - before - edited), gone=len(before - after - edited))


class _Reach:
    """Lets the first pages through."""

    def __init__(self) -> None:
        self.is_cut = False
        self._pages: set[int | None] = set()
        self._characters = 0

    def through(self, sections: Iterator[Section]) -> Iterator[Section]:
        for section in sections:
            self._pages.add(section.page)
            if len(self._pages) > PAGES or self._characters > CHARACTERS:
                self.is_cut = True
                return
            self._characters += len(section.text)
            yield section


def _chain(first: Section, rest: Iterator[Section]) -> Iterator[Section]:
    yield first
    yield from rest


def _cutting(dataset: Dataset, settings: DatasetSettings) -> Cutting:
    return cutting_for(settings, open_embedding_model(dataset.embedding_model, team_id=dataset.team_id))


def _sections(document: Document, cutting: Cutting, kinds: list[str]) -> Generator[Section, None, None]:
    def note(progress: Progress) -> None:
        kinds.append(progress.kind)

    yield from extract_in_child(
        content_of(document.blob), document.name, limits=LIMITS, clean=cutting.clean, on_progress=note
    )
