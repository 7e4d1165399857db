"""Finding the passages that answer a question: by words, by vectors, or by both.

Three statements for one dataset: what it knows about the terms, the vector store's hits, and the live passages. A
filter on metadata costs one or two more, parents one. The words are scored with BM25 here, because PostgreSQL's own
ranking knows no document frequencies.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from uuid import UUID

from django.utils.translation import gettext as _

from apps.datasets.selectors.candidates import Candidate, Scope, candidates, scopes
from apps.datasets.selectors.datasets import dataset_slugs
from apps.datasets.selectors.errors import DatasetNotFound
from apps.datasets.selectors.filters import MetadataFilter, fields_by_name
from apps.datasets.services import retrieve_legs as legs
from apps.datasets.services.external import Question, ask_external
from apps.datasets.services.external_merge import merged, notes_of
from apps.datasets.services.metadata_automatic import choose_filter
from apps.datasets.services.metadata_filters import as_given, read_filter
from apps.datasets.services.rerank import Note, rerank
from apps.datasets.services.retrieve_passages import FoundChild, RetrievedPassage, passages_of
from apps.datasets.services.waiting import Steps, run_beside_loop, run_here
from apps.datasets.settings_of_dataset import Fusion, Method, RerankSettings, RetrievalSettings, read_settings
from apps.datasets.text.analyze import analyze
from apps.datasets.text.fusion import Leg, blend, ranked, reciprocal_rank
from apps.datasets.text.languages import lexical_weight
from support.errors import InvalidInput

__all__ = [
    "METHODS",
    "Found",
    "FoundChild",
    "Note",
    "RetrievedPassage",
    "Search",
    "aretrieve",
    "asearch",
    "retrieve",
    "search",
]
METHODS: tuple[Method, ...] = get_args(Method)
MAX_TOP_K = 100
MAX_QUERY_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A question to datasets of a team, by slug or id. What is None is as the datasets' own settings say.

    `filter` has the shape `{logical, conditions: [{name, op, value}]}`; `filter_model` asks a chat model to make one
    of the question instead (empty: the team's default model). Passages stop at `token_budget` tokens.
    """

    team_id: UUID
    datasets: Sequence[str]
    query: str
    method: str | None = None
    top_k: int | None = None
    min_score: float | None = None
    weight: float | None = None
    fusion: str | None = None
    rerank: RerankSettings | Literal["default", "off"] = "default"
    filter: Mapping[str, Any] | None = None
    filter_model: str | None = None
    token_budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, and what of it did not go as it was asked for."""

    passages: list[RetrievedPassage]
    method: str
    notes: tuple[Note, ...] = ()
    filter: Mapping[str, Any] | None = None
    reranked: bool = False
    elapsed_ms: float = 0.0
    dataset_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A search with everything decided."""

    method: str
    top_k: int
    fusion: str
    rerank: RerankSettings | None
    thresholds: Mapping[UUID, float | None]
    weights: Mapping[UUID, float]


def retrieve(
    *,
    team_id: UUID,
    datasets: Sequence[str],
    query: str,
    method: str | None = None,
    top_k: int | None = None,
    min_score: float | None = None,
) -> list[RetrievedPassage]:
    """The best passages of the team's datasets for a query, best first: `search` without what only few ask for."""
    asked = Search(team_id=team_id, datasets=datasets, query=query, method=method, top_k=top_k, min_score=min_score)
    return search(asked).passages


async def aretrieve(
    *,
    team_id: UUID,
    datasets: Sequence[str],
    query: str,
    method: str | None = None,
    top_k: int | None = None,
    min_score: float | None = None,
) -> list[RetrievedPassage]:
    """The same beside an event loop."""
    asked = Search(team_id=team_id, datasets=datasets, query=query, method=method, top_k=top_k, min_score=min_score)
    return (await asearch(asked)).passages


def search(asked: Search) -> Found:
    """Find passages.

    A threshold applies to what means the same for every query: the reranker's score, else the cosine (what only the
    words found has none and goes); words alone have nothing of the kind, so there a note says that it was not used.
    Raises DatasetNotFound, InvalidInput, ModelError, VectorStoreError, ExternalKnowledgeFailed. A reranker or a model
    that chooses filters may fail without that: then a note says what was done instead.
    """
    return run_here(_search(asked))


async def asearch(asked: Search) -> Found:
    """The same beside an event loop: no thread and no connection is held while a model or another program is asked."""
    return await run_beside_loop(_search(asked))


def _search(asked: Search) -> Steps[Found]:
    started = time.perf_counter()
    _check(asked)
    query = asked.query[:MAX_QUERY_CHARS]
    terms = analyze(query)
    opened = _open(asked, terms)
    plan = _plan(asked, opened, query)
    chosen, notes = yield from _filter(asked, opened)
    searched = [scope for scope in opened if scope.chunk_count]
    found = Found(
        passages=[],
        method=plan.method,
        notes=notes,
        filter=None if chosen is None else as_given(chosen),
        dataset_ids=tuple(scope.id for scope in opened),
    )
    if query.strip() and searched:
        found = yield from _find(replace(asked, query=query), plan, searched, terms, chosen, found)
    if query.strip() and any(scope.kind == "external" for scope in opened):
        found = yield from _with_external(found, replace(asked, query=query), plan, opened)
    return replace(found, elapsed_ms=(time.perf_counter() - started) * 1000)


def _find(
    asked: Search,
    plan: _Plan,
    searched: Sequence[Scope],
    terms: Sequence[str],
    chosen: MetadataFilter | None,
    found: Found,
) -> Steps[Found]:
    live, cosines = yield from _both_legs(asked, plan, searched, terms, chosen)
    lexical = legs.lexical_scores(searched, live, terms) if plan.method != "semantic" else {}
    spaces = _by_space(searched, live, cosines)
    scores: dict[str, Mapping[UUID, float]] = {"lexical": lexical, "vector": cosines}
    fused = _fused(plan, live, lexical, spaces)
    order, scores["fused"] = ranked(fused), fused
    by_id = {each.id: each for each in live}
    notes = list(found.notes)
    if plan.rerank is not None and order:
        best = [by_id[key] for key, _score in order]
        reranked = yield from rerank(plan.rerank, team_id=asked.team_id, query=asked.query, best=best)
        notes += [reranked.note] if reranked.note else []
        if reranked.scores:
            scores["rerank"] = reranked.scores
            # Equal scores stay in the order that they came in.
            order = sorted(reranked.scores.items(), key=lambda item: -item[1])
    kept, note = _above_threshold(plan, [(by_id[key], score) for key, score in order], scores)
    passages = passages_of(
        kept,
        team_id=asked.team_id,
        searched=searched,
        legs=scores,
        top_k=plan.top_k,
        token_budget=asked.token_budget,
    )
    notes += [note] if note else []
    return replace(found, passages=passages, notes=tuple(notes), reranked="rerank" in scores)


def _with_external(found: Found, asked: Search, plan: _Plan, opened: Sequence[Scope]) -> Steps[Found]:
    """What was found here, with what the programs found that keep the other datasets.

    One that fails is told in a note. Raises ExternalKnowledgeFailed when there was nothing else to search.
    """
    kept_elsewhere = [scope.id for scope in opened if scope.kind == "external"]
    condition = found.filter or (asked.filter if asked.filter and asked.filter.get("conditions") else None)
    question = Question(query=asked.query, top_k=plan.top_k, condition=condition)
    answers = yield from ask_external(kept_elsewhere, question, thresholds=plan.thresholds)
    failed = [answer.error for answer in answers if answer.error is not None]
    if failed and len(failed) == len(opened):
        raise failed[0]
    passages = merged(found.passages, answers, top_k=plan.top_k, token_budget=asked.token_budget)
    return replace(found, passages=passages, notes=(*found.notes, *notes_of(answers)))


def _both_legs(
    asked: Search, plan: _Plan, searched: Sequence[Scope], terms: Sequence[str], chosen: MetadataFilter | None
) -> Steps[tuple[list[Candidate], dict[UUID, float]]]:
    """The live passages that the legs found, and their cosines."""
    vectors: dict[str, list[float]] = {}
    if plan.method != "full_text":
        vectors = yield from legs.query_vectors(asked.team_id, searched, asked.query)
    tsquery = legs.tsquery_of(searched, terms) if plan.method != "semantic" else ""
    for patiently in (False, True):
        near = legs.near(searched, vectors, chosen=chosen, patiently=patiently) if vectors else legs.Near(cosines={})
        live = candidates(
            team_id=asked.team_id,
            dataset_ids=[scope.id for scope in searched],
            tsquery=tsquery,
            terms=list(dict.fromkeys(terms)),
            near=list(near.cosines),
            chosen=chosen,
        )
        cosines = {each.id: near.cosines[each.id] for each in live if each.id in near.cosines}
        if near.complete or len(cosines) >= 2 * plan.top_k:
            break
    return live, cosines


def _fused(
    plan: _Plan,
    live: Sequence[Candidate],
    lexical: Mapping[UUID, float],
    spaces: Sequence[Mapping[UUID, float]],
) -> dict[UUID, float]:
    if plan.fusion == "rrf":
        return reciprocal_rank([Leg(scores=leg) for leg in (lexical, *spaces) if leg])
    dataset_of = {each.id: each.dataset_id for each in live}
    return blend(lexical, spaces, weight_of=lambda key: plan.weights[dataset_of[key]])


def _by_space(
    searched: Sequence[Scope], live: Sequence[Candidate], cosines: Mapping[UUID, float]
) -> list[dict[UUID, float]]:
    """The cosines of each vector space for themselves: those of two spaces do not compare."""
    space_of = {scope.id: scope.space for scope in searched}
    spaces: dict[str, dict[UUID, float]] = {}
    for each in live:
        if each.id in cosines:
            spaces.setdefault(space_of[each.dataset_id], {})[each.id] = cosines[each.id]
    return list(spaces.values())


def _above_threshold(
    plan: _Plan, order: Sequence[tuple[Candidate, float]], scores: Mapping[str, Mapping[UUID, float]]
) -> tuple[list[tuple[Candidate, float]], Note | None]:
    if not any(threshold is not None for threshold in plan.thresholds.values()):
        return list(order), None
    meaning = scores.get("rerank")
    if meaning is None and plan.method == "full_text":
        message = _("The threshold was not used: scores of words mean nothing beyond their own query.")
        return list(order), Note(code="threshold_not_used", message=message)
    raw = scores["vector"] if meaning is None else meaning
    kept = [
        (each, score)
        for each, score in order
        if (threshold := plan.thresholds[each.dataset_id]) is None or raw.get(each.id, 0.0) >= threshold
    ]
    return kept, None


def _filter(asked: Search, opened: Sequence[Scope]) -> Steps[tuple[MetadataFilter | None, tuple[Note, ...]]]:
    if asked.filter_model is None and not (asked.filter or {}).get("conditions"):
        return None, ()
    if all(scope.kind == "external" for scope in opened):
        return None, ()  # nobody here knows the fields: the filter goes along as it is
    fields = fields_by_name([scope.id for scope in opened])
    if asked.filter_model is None:
        return read_filter(asked.filter or {}, fields=fields), ()
    chosen, note = yield from choose_filter(asked.query, fields=fields, team_id=asked.team_id, model=asked.filter_model)
    return chosen, (note,) if note else ()


def _check(asked: Search) -> None:
    if asked.method is not None and asked.method not in METHODS:
        raise InvalidInput(
            _("There is no retrieval method %(method)s. Known are: %(known)s.")
            % {"method": f"{asked.method!r}", "known": ", ".join(METHODS)},
            method=asked.method,
        )
    if asked.top_k is not None and not 1 <= asked.top_k <= MAX_TOP_K:
        raise InvalidInput(
            _("top_k must be from 1 to %(most)s, not %(top_k)s.") % {"most": MAX_TOP_K, "top_k": asked.top_k},
            top_k=asked.top_k,
        )
    if asked.fusion is not None and asked.fusion not in get_args(Fusion):
        raise InvalidInput(
            _("fusion must be one of %(known)s.") % {"known": ", ".join(get_args(Fusion))}, fusion=asked.fusion
        )
    if asked.weight is not None and not 0 <= asked.weight <= 1:
        raise InvalidInput(_("The weight of the words must be from 0 to 1."), weight=asked.weight)


def _open(asked: Search, terms: Sequence[str]) -> list[Scope]:
    found = scopes(team_id=asked.team_id, slugs=asked.datasets, terms=list(dict.fromkeys(terms)))
    known = {name for scope in found for name in (scope.slug, str(scope.id))}
    missing = [name for name in dict.fromkeys(asked.datasets) if name not in known]
    if missing:
        raise DatasetNotFound(missing, known=dataset_slugs(asked.team_id))
    return found


def _plan(asked: Search, opened: Sequence[Scope], query: str) -> _Plan:
    """What was asked for, else what the datasets say; where they disagree, what serves all of them."""
    own = {scope.id: read_settings(scope.settings).retrieval for scope in opened}
    methods, fusions = {each.method for each in own.values()}, {each.fusion for each in own.values()}
    return _Plan(
        method=asked.method or (methods.pop() if len(methods) == 1 else "hybrid"),
        top_k=asked.top_k or max((each.top_k for each in own.values()), default=5),
        fusion=asked.fusion or (fusions.pop() if len(fusions) == 1 else "weighted"),
        rerank=_reranker(asked, list(own.values())),
        thresholds={key: each.min_score if asked.min_score is None else asked.min_score for key, each in own.items()},
        weights={scope.id: _weight(asked, own[scope.id], scope, query) for scope in opened},
    )


def _reranker(asked: Search, own: Sequence[RetrievalSettings]) -> RerankSettings | None:
    if isinstance(asked.rerank, RerankSettings):
        return asked.rerank
    if asked.rerank == "off":
        return None
    return next((each.rerank for each in own if each.rerank is not None), None)


def _weight(asked: Search, own: RetrievalSettings, scope: Scope, query: str) -> float:
    if asked.weight is not None:
        return asked.weight
    return lexical_weight(scope.space, query) if own.lexical_weight is None else own.lexical_weight
