"""Finding the passages that answer a question: by words, by vectors, or by both.

Three statements for one dataset: what it knows about the terms, the vector store's hits, and the live passages. The
words are scored with BM25 here, because PostgreSQL's own ranking knows no document frequencies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from asgiref.sync import async_to_sync

from apps.datasets.selectors.candidates import Candidate, Scope, candidates, scopes
from apps.datasets.selectors.datasets import dataset_slugs
from apps.datasets.selectors.errors import DatasetNotFound
from apps.datasets.services.errors import EmbeddingSpaceChanged
from apps.datasets.text.analyze import analyze, tsquery_literal
from apps.datasets.text.bm25 import bm25, rarest
from apps.datasets.text.fusion import Leg, ranked, weighted_sum
from apps.datasets.vectorstores.protocol import Namespace
from apps.datasets.vectorstores.registry import open_vector_store
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.database import in_thread
from support.errors import InvalidInput

Method = Literal["hybrid", "semantic", "full_text"]
METHODS: tuple[Method, ...] = get_args(Method)
VECTOR_LIMIT = 100
MAX_TOP_K = 100
MAX_QUERY_CHARS = 4_000
RAREST_TERMS = 8
HASHING = "hashing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievedPassage:
    """A passage, where it stands, and what each leg thought of it.

    `score` is 0..1 and relative to this query. `scores` has the raw ones: `lexical` (BM25), `vector` (cosine) of the
    legs that found it, and `fused`. Offsets count in the cleaned text of the page. `position` is the rank, from 1.
    """

    chunk_id: str
    document_id: str
    document_name: str
    dataset_id: str
    dataset_name: str
    text: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    page: int | None = None
    char_start: int = 0
    char_end: int = 0
    heading_path: tuple[str, ...] = ()
    position: int = 0


def retrieve(
    *,
    team_id: UUID,
    datasets: Sequence[str],
    query: str,
    method: str = "hybrid",
    top_k: int = 5,
    min_score: float | None = None,
) -> list[RetrievedPassage]:
    """The best passages of the team's datasets (by slug) for a query, best first.

    `min_score` applies to the raw similarity, never to the fused score: to the cosine where vectors are searched (what
    only the words found has none and goes), to BM25 for full_text. Raises DatasetNotFound, InvalidInput, ModelError,
    VectorStoreError.
    """
    _check(method, top_k)
    terms = analyze(query[:MAX_QUERY_CHARS])
    found = _open(team_id, datasets, terms)
    searched = [scope for scope in found if scope.chunk_count]
    if not query.strip() or not searched:
        return []
    similar = _near(team_id, searched, query[:MAX_QUERY_CHARS]) if method != "full_text" else {}
    tsquery = _tsquery(searched, terms) if method != "semantic" else ""
    live = candidates(
        team_id=team_id,
        dataset_ids=[scope.id for scope in searched],
        tsquery=tsquery,
        terms=list(dict.fromkeys(terms)),
        near=list(similar),
    )
    vector = {each.id: similar[each.id] for each in live if each.id in similar}
    lexical = _lexical(searched, live, terms) if tsquery else {}
    fused = _fused(lexical, vector, weight=_lexical_weight(searched))
    if min_score is not None:
        raw = lexical if method == "full_text" else vector
        fused = {key: score for key, score in fused.items() if raw.get(key, 0.0) >= min_score}
    legs = {"lexical": lexical, "vector": vector, "fused": fused}
    return _passages(searched, live, ranked(fused)[:top_k], legs)


async def aretrieve(
    *,
    team_id: UUID,
    datasets: Sequence[str],
    query: str,
    method: str = "hybrid",
    top_k: int = 5,
    min_score: float | None = None,
) -> list[RetrievedPassage]:
    """The same beside an event loop; the database connection is given back before this returns."""
    return await in_thread(
        retrieve, team_id=team_id, datasets=datasets, query=query, method=method, top_k=top_k, min_score=min_score
    )


def _check(method: str, top_k: int) -> None:
    if method not in METHODS:
        raise InvalidInput(f"There is no retrieval method {method!r}. Known are: {', '.join(METHODS)}.", method=method)
    if not 1 <= top_k <= MAX_TOP_K:
        raise InvalidInput(f"top_k must be from 1 to {MAX_TOP_K}, not {top_k}.", top_k=top_k)


def _open(team_id: UUID, slugs: Sequence[str], terms: Sequence[str]) -> list[Scope]:
    found = scopes(team_id=team_id, slugs=slugs, terms=list(dict.fromkeys(terms)))
    missing = [slug for slug in dict.fromkeys(slugs) if slug not in {scope.slug for scope in found}]
    if missing:
        raise DatasetNotFound(missing, known=dataset_slugs(team_id))
    return found


def _near(team_id: UUID, searched: Sequence[Scope], query: str) -> dict[UUID, float]:
    """The vector leg: cosine by chunk. The query is embedded once for each model that the datasets use."""
    models: dict[str, EmbeddingModel] = {}
    vectors: dict[str, list[float]] = {}
    near: dict[UUID, float] = {}
    for scope in searched:
        name = scope.embedding_model
        if name not in models:
            models[name] = open_embedding_model(name, team_id=team_id)
            vectors[name] = async_to_sync(models[name].embed_query)(query)
        if models[name].space != scope.space:
            raise EmbeddingSpaceChanged(dataset=scope.slug, stored=scope.space, current=models[name].space)
        ns = Namespace(dataset_id=scope.id, space=scope.space, dim=scope.dim, size=scope.chunk_count)
        if any(vectors[name]):
            near |= {
                hit.id: hit.score
                for hit in open_vector_store(scope.vector_store).search(ns, vectors[name], VECTOR_LIMIT)
            }
    return near


def _tsquery(searched: Sequence[Scope], terms: Sequence[str]) -> str:
    """Any of the rarest terms; an OR of all would cost time and find little more."""
    return tsquery_literal(rarest(terms, _df(searched), limit=RAREST_TERMS))


def _lexical(searched: Sequence[Scope], live: Sequence[Candidate], terms: Sequence[str]) -> dict[UUID, float]:
    """BM25 of what the words found; the datasets of one search count as one collection."""
    n = sum(scope.chunk_count for scope in searched)
    avgdl = sum(scope.term_total for scope in searched) / n
    matched = [each for each in live if each.matched]
    scores = bm25(terms, [(each.term_counts, each.term_count) for each in matched], df=_df(searched), n=n, avgdl=avgdl)
    return {each.id: score for each, score in zip(matched, scores, strict=True) if score > 0}


def _df(searched: Sequence[Scope]) -> dict[str, int]:
    total: dict[str, int] = {}
    for scope in searched:
        for term, df in scope.df.items():
            total[term] = total.get(term, 0) + df
    return total


def _fused(lexical: Mapping[UUID, float], vector: Mapping[UUID, float], *, weight: float) -> dict[UUID, float]:
    return weighted_sum([Leg(scores=lexical, weight=weight), Leg(scores=vector, weight=1 - weight)])


def _lexical_weight(searched: Sequence[Scope]) -> float:
    """Half each, unless a dataset says otherwise; words weigh more where the vectors are only hashed words."""
    chosen = [scope.settings.get("retrieval", {}).get("lexical_weight") for scope in searched]
    given = [float(weight) for weight in chosen if isinstance(weight, (int, float)) and 0 <= weight <= 1]
    if given:
        return sum(given) / len(given)
    return 0.7 if any(scope.space.startswith(HASHING) for scope in searched) else 0.5


def _passages(
    searched: Sequence[Scope],
    live: Sequence[Candidate],
    best: Sequence[tuple[UUID, float]],
    legs: Mapping[str, Mapping[UUID, float]],
) -> list[RetrievedPassage]:
    names = {scope.id: scope.name for scope in searched}
    by_id = {each.id: each for each in live}
    return [
        RetrievedPassage(
            chunk_id=str(key),
            document_id=str(by_id[key].document_id),
            document_name=by_id[key].document_name,
            dataset_id=str(by_id[key].dataset_id),
            dataset_name=names[by_id[key].dataset_id],
            text=by_id[key].text,
            score=round(score, 6),
            scores={leg: round(scores[key], 6) for leg, scores in legs.items() if key in scores},
            page=by_id[key].page,
            char_start=by_id[key].char_start,
            char_end=by_id[key].char_end,
            heading_path=by_id[key].heading_path,
            position=position,
        )
        for position, (key, score) in enumerate(best, start=1)
    ]
