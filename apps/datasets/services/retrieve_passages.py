"""From candidates in order to the passages that are handed out: parents for children, answers, and a token budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apps.datasets.selectors.candidates import Candidate, Scope, parent_texts
from apps.datasets.text.scripts import estimate_tokens

MAX_CHILDREN = 10
"""Children that a passage names, the best ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChild:
    """A child of a parent that was found; the parent's text is the passage's."""

    chunk_id: str
    text: str
    score: float
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievedPassage:
    """A passage, where it stands, and what each leg thought of it.

    `score` orders the passages and means something for this query only, unless a model reranked. `scores` has the raw
    ones of the legs that found it: `lexical` (BM25), `vector` (cosine), `rerank`, and `fused`. Offsets count in the
    cleaned text of the page. `position` is the rank, from 1. For a child of a parent `text` is the parent's, and
    everything else is the best child's, which is what is cited; `children` has all that were found. For a question and
    its answer `text` is both, and `answer` the answer alone.
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
    answer: str = ""
    matched_text: str = ""
    parent_id: str = ""
    ordinal: int = 0
    children: tuple[FoundChild, ...] = ()
    url: str = ""
    """Where the source can be read, if the program that keeps it says so."""
    is_external: bool = False
    """Found by another program: there is no document of it here, and `scores` has what that program thought."""


def passages_of(
    best: Sequence[tuple[Candidate, float]],
    *,
    team_id: UUID,
    searched: Sequence[Scope],
    legs: Mapping[str, Mapping[UUID, float]],
    top_k: int,
    token_budget: int | None = None,
) -> list[RetrievedPassage]:
    """The first `top_k` passages of candidates that are in order; children of one parent are one passage."""
    groups: dict[UUID, list[tuple[Candidate, float]]] = {}
    for candidate, score in best:
        key = candidate.parent_id or candidate.id
        if key in groups or len(groups) < top_k:
            groups.setdefault(key, []).append((candidate, score))
    parents = [(key, group[0][0].version) for key, group in groups.items() if group[0][0].parent_id]
    texts = parent_texts(team_id=team_id, parents=parents) if parents else {}
    names = {scope.id: scope.name for scope in searched}
    made = [
        _passage(group, position=position, parent=texts.get(key), names=names, legs=legs)
        for position, (key, group) in enumerate(groups.items(), start=1)
    ]
    return made if token_budget is None else within_budget(made, token_budget)


def within_budget(passages: Sequence[RetrievedPassage], budget: int) -> list[RetrievedPassage]:
    """The first passages whose texts fit a model's window together; the very first is there in any case."""
    kept: list[RetrievedPassage] = []
    spent = 0.0
    for passage in passages:
        spent += estimate_tokens(passage.text)
        if kept and spent > budget:
            break
        kept.append(passage)
    return kept


def _passage(
    group: Sequence[tuple[Candidate, float]],
    *,
    position: int,
    parent: str | None,
    names: Mapping[UUID, str],
    legs: Mapping[str, Mapping[UUID, float]],
) -> RetrievedPassage:
    best, score = group[0]
    text = f"{best.text}\n{best.answer}" if best.answer else best.text
    children = [
        FoundChild(chunk_id=str(each.id), text=each.text, score=round(worth, 6), ordinal=each.ordinal)
        for each, worth in group[:MAX_CHILDREN]
    ]
    return RetrievedPassage(
        chunk_id=str(best.id),
        document_id=str(best.document_id),
        document_name=best.document_name,
        dataset_id=str(best.dataset_id),
        dataset_name=names[best.dataset_id],
        text=text if parent is None else parent,
        score=round(score, 6),
        scores={leg: round(scores[best.id], 6) for leg, scores in legs.items() if best.id in scores},
        page=best.page,
        char_start=best.char_start,
        char_end=best.char_end,
        heading_path=best.heading_path,
        position=position,
        answer=best.answer,
        matched_text="" if parent is None else best.text,
        parent_id="" if parent is None else str(best.parent_id),
        ordinal=best.ordinal,
        children=() if parent is None else tuple(children),
    )
