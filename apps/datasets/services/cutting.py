"""From a dataset's settings to the way its documents are cut; the preview and the indexing both go this way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.datasets.settings_of_dataset import ChunkingSettings, CleaningSettings, DatasetSettings, as_stored
from apps.datasets.text.analyze import ANALYZER_VERSION
from apps.datasets.text.chunk import Chunk, ChunkSettings, chunk_sections
from apps.datasets.text.clean import CleanSettings
from apps.datasets.text.pairs import chunk_pairs
from apps.datasets.text.parents import ParentCut, chunk_under_parents
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import Section
from apps.datasets.text.split import TokenCount
from model_runtime.protocols import EmbeddingModel

TABLES = frozenset({"csv", "tsv", "xlsx", "xls", "ods"})
MOST_TOKENS = 512
"""A chunk is no longer than this even where the model reads more: a long one means too many things."""
ASKED_CHARS = 2_000
"""Characters of the passages for which a model is asked to write pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How the documents of one dataset are cut for one embedding model."""

    chosen: ChunkingSettings
    chunks: ChunkSettings
    clean: CleanSettings

    def cut(self, sections: Iterable[Section], *, kind: str) -> Iterator[Chunk]:
        """The chunks of a document's cleaned sections. What a model is to write pairs for comes as parents' text."""
        mode = self.chosen.mode
        if mode == "general":
            return chunk_sections(sections, settings=self.chunks)
        if mode == "parent_child":
            parent = self.chosen.parent
            cut = ParentCut(mode=parent.mode, size=max(parent.size, self.chunks.target_chars))
            return chunk_under_parents(sections, settings=self.chunks, cut=cut)
        pairs = self.chosen.pairs
        if kind in TABLES:
            return chunk_pairs(sections, question=pairs.question, answer=pairs.answer)
        passages = ChunkSettings(target_chars=ASKED_CHARS, max_tokens=None, counter=f"asked of {pairs.model}")
        return chunk_sections(sections, settings=passages)

    def asks_model(self, kind: str) -> bool:
        """Whether the chunks of such a document are passages that a model writes pairs for."""
        return self.chosen.mode == "qa" and kind not in TABLES


def cutting_for(settings: DatasetSettings, model: EmbeddingModel) -> Cutting:
    """The cutting that settings mean, with the limits of the model that reads the chunks."""
    chosen = settings.chunking
    limit = min(MOST_TOKENS, model.max_tokens)
    by_tokens = chosen.unit == "tokens"
    chunks = ChunkSettings(
        # A token is hardly ever longer than this, so that the tokens decide.
        target_chars=chosen.size * 8 if by_tokens else chosen.size,
        max_tokens=min(limit, chosen.size) if by_tokens else limit,
        overlap=min(chosen.overlap, chosen.size // 2),
        separators=chosen.separators,
        count=token_count(model),
        counter=getattr(model, "tokenizer_name", "estimate"),
    )
    return Cutting(chosen=chosen, chunks=chunks, clean=clean_settings(settings.cleaning))


def clean_settings(chosen: CleaningSettings) -> CleanSettings:
    """How a text is cleaned before it is cut; unsafe characters go in any case."""
    return CleanSettings(
        collapse_spaces=chosen.spaces,
        remove_urls_emails=chosen.urls_emails,
        tables=chosen.tables,
        rules=tuple((rule.pattern, rule.replace) for rule in chosen.rules),
    )


def token_count(model: EmbeddingModel) -> TokenCount:
    """How to count for a model: with its own tokenizer where there is one, else by the estimate."""
    own: TokenCount | None = getattr(model, "count_tokens", None)
    return own or estimate_tokens


def config_hash(settings: DatasetSettings, model: EmbeddingModel) -> str:
    """Names all that decides what a file becomes: two runs with one hash make the same chunks of the same file."""
    cutting = cutting_for(settings, model)
    stored = as_stored(settings)
    parts = (stored["chunking"], stored["cleaning"], cutting.chunks.fingerprint, ANALYZER_VERSION, model.space)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
