"""The two legs of a search: what the vectors find, and what the words are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from apps.datasets.selectors.candidates import LEXICAL_LIMIT, Candidate, Scope, chosen_documents, count_chosen
from apps.datasets.selectors.filters import MetadataFilter
from apps.datasets.services.errors import EmbeddingSpaceChanged
from apps.datasets.services.waiting import Steps
from apps.datasets.text.analyze import tsquery_literal
from apps.datasets.text.bm25 import bm25, rarest
from apps.datasets.vectorstores.protocol import Hit, Namespace
from apps.datasets.vectorstores.registry import open_vector_store
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model

VECTOR_LIMIT = 100
RAREST_TERMS = 8
#: What the words may match: this share of a large collection, and all of a small one.
MOST_MATCHED = 0.05
LEAST_MATCHES = 5_000
#: A filter that keeps at least this share of the chunks is applied to more hits instead of being sent to the store.
LARGE_SHARE = 0.2
#: How many more hits than the share asks for, since what is near is not spread evenly.
MARGIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """The vector leg: cosine by chunk. `complete` is false when a filter may have left out nearer ones."""

    cosines: Mapping[UUID, float]
    complete: bool = True


def query_vectors(team_id: UUID, searched: Sequence[Scope], query: str) -> Steps[dict[str, list[float]]]:
    """The query in every vector space that the datasets use, by the model's name; each model is asked once.

    Raises ModelError, and EmbeddingSpaceChanged where stored vectors are of another space.
    """
    models: dict[str, EmbeddingModel] = {}
    vectors: dict[str, list[float]] = {}
    for scope in searched:
        name = scope.embedding_model
        if name not in models:
            models[name] = open_embedding_model(name, team_id=team_id)
            vectors[name] = yield partial(models[name].embed_query, query)
        if models[name].space != scope.space:
            raise EmbeddingSpaceChanged(dataset=scope.slug, stored=scope.space, current=models[name].space)
    return vectors


def near(
    searched: Sequence[Scope],
    vectors: Mapping[str, Sequence[float]],
    *,
    chosen: MetadataFilter | None = None,
    patiently: bool = False,
) -> Near:
    """What lies nearest in each dataset, among the documents that meet the filter.

    A filter that few documents meet goes to the store as their ids. One that many meet would make a list of tens of
    thousands: then more is fetched, and the join with the documents drops the rest; `patiently` sends the ids anyway.
    """
    found: dict[UUID, float] = {}
    complete = True
    for scope in searched:
        vector = vectors[scope.embedding_model]
        if not any(vector):
            continue
        limit, documents = VECTOR_LIMIT, None
        if chosen is not None:
            _, chunks = count_chosen(scope.id, chosen)
            share = chunks / scope.chunk_count
            if share < LARGE_SHARE or patiently:
                documents = chosen_documents(scope.id, chosen)
            else:
                limit, complete = round(VECTOR_LIMIT * MARGIN / share), complete and share >= 1
        found |= {hit.id: hit.score for hit in _search(scope, vector, limit, documents)}
    return Near(cosines=found, complete=complete)


def _search(scope: Scope, vector: Sequence[float], limit: int, documents: Sequence[UUID] | None) -> list[Hit]:
    ns = Namespace(dataset_id=scope.id, space=scope.space, dim=scope.dim, size=scope.chunk_count)
    return open_vector_store(scope.vector_store).search(ns, vector, limit, document_ids=documents)


def tsquery_of(searched: Sequence[Scope], terms: Sequence[str]) -> str:
    """Any of the rarest terms; an OR of all would cost time and find little more."""
    most = max(LEAST_MATCHES, MOST_MATCHED * sum(scope.chunk_count for scope in searched))
    df = document_frequencies(searched)
    return tsquery_literal(rarest(terms, df, limit=RAREST_TERMS, enough=LEXICAL_LIMIT, most=most))


def lexical_scores(searched: Sequence[Scope], live: Sequence[Candidate], terms: Sequence[str]) -> dict[UUID, float]:
    """BM25 of what the words found; the datasets of one search count as one collection."""
    n = sum(scope.chunk_count for scope in searched)
    avgdl = sum(scope.term_total for scope in searched) / n
    matched = [each for each in live if each.matched]
    counts = [(each.term_counts, each.term_count) for each in matched]
    scores = bm25(terms, counts, df=document_frequencies(searched), n=n, avgdl=avgdl)
    return {each.id: score for each, score in zip(matched, scores, strict=True) if score > 0}


def document_frequencies(searched: Sequence[Scope]) -> dict[str, int]:
    """In how many chunks of all the datasets each term occurs."""
    total: dict[str, int] = {}
    for scope in searched:
        for term, df in scope.df.items():
            total[term] = total.get(term, 0) + df
    return total
