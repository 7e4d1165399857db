"""Measuring how well datasets answer questions whose answers are known, for one way of searching beside another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.utils.translation import gettext as _

from apps.datasets.services.retrieve import METHODS, Search, search
from apps.datasets.settings_of_dataset import RerankSettings
from apps.datasets.text.metrics import difference, interval, ndcg, recall, reciprocal_rank
from support.errors import InvalidInput

MAX_QUESTIONS = 10_000
MAX_VARIANTS = 8
#: Passages that are asked for, so that enough documents remain when several passages are of one.
DEPTH = 50
CUTS = (1, 3, 5, 10)
MEASURES = ("ndcg@10", *(f"recall@{k}" for k in CUTS), "mrr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question and what answers it: names or ids of documents (or chunks), each with a grade."""

    id: str
    text: str
    relevant: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of searching. What is None is as the dataset's settings say; `rerank` is a model's name, "" is nobody."""

    name: str
    method: str | None = None
    weight: float | None = None
    fusion: str | None = None
    rerank: str | None = None
    candidates: int = 40
    timeout: float = 10.0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Variant:
        """A variant as it is stored. Raises InvalidInput."""
        try:
            variant = cls(**given)
        except TypeError as exc:
            raise InvalidInput(
                _("A variant has a name and, as needed: %(known)s.") % {"known": ", ".join(_VARIANT_KEYS)}
            ) from exc
        if variant.method is not None and variant.method not in METHODS:
            raise InvalidInput(
                _("There is no retrieval method %(method)s. Known are: %(known)s.")
                % {"method": f"{variant.method!r}", "known": ", ".join(METHODS)}
            )
        return variant


@dataclass(slots=True, kw_only=True)
class Measured:
    """What one variant did, question by question."""

    variant: Variant
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})
    elapsed_ms: list[float] = field(default_factory=list)
    failed_reranks: int = 0

    @property
    def done(self) -> int:
        """How many questions it was asked."""
        return len(self.elapsed_ms)


_VARIANT_KEYS = ("method", "weight", "fusion", "rerank", "candidates", "timeout")
DEFAULT_VARIANTS = tuple(Variant(name=method, method=method, rerank="") for method in METHODS)


def read_questions(lines: Iterable[bytes | str]) -> list[Question]:
    """Questions from JSON lines: `{"question", "relevant": [names] or {name: grade}}`, `id` if there is one.

    Raises InvalidInput with the number of the line.
    """
    questions: list[Question] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(questions) == MAX_QUESTIONS:
            raise InvalidInput(_("There are more than %(most)s questions.") % {"most": f"{MAX_QUESTIONS:,}"})
        questions.append(_question(line, number))
    if not questions:
        raise InvalidInput(_("There is no question in the file."))
    return questions


def measure(measured: Measured, *, team_id: UUID, dataset: str, question: Question) -> None:
    """Ask one question and note how good the answer is. Raises what `search` raises."""
    variant = measured.variant
    found = search(
        Search(
            team_id=team_id,
            datasets=[dataset],
            query=question.text,
            method=variant.method,
            weight=variant.weight,
            fusion=variant.fusion,
            rerank=_rerank(variant),
            top_k=DEPTH,
        )
    )
    names = [_names(hit.document_name, hit.document_id, hit.chunk_id) for hit in found.passages]
    ranking = _documents(names, question.relevant)
    values = {"ndcg@10": ndcg(ranking, question.relevant), "mrr": reciprocal_rank(ranking, question.relevant)}
    values |= {f"recall@{k}": recall(ranking, question.relevant, k=k) for k in CUTS}
    for name, value in values.items():
        measured.values[name].append(round(value, 6))
    measured.elapsed_ms.append(round(found.elapsed_ms, 2))
    measured.failed_reranks += any(note.code == "rerank_failed" for note in found.notes)


def summary(all_measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Means with their intervals for each variant, and by how much it differs from the first one in nDCG@10."""
    rows = []
    for each in all_measured:
        times = sorted(each.elapsed_ms)
        row: dict[str, Any] = {
            "variant": asdict(each.variant),
            "questions": each.done,
            "measures": {name: _rounded(asdict(interval(values))) for name, values in each.values.items()},
            "p50_ms": times[len(times) // 2] if times else 0.0,
            "p95_ms": times[int(len(times) * 0.95)] if times else 0.0,
            "failed_reranks": each.failed_reranks,
        }
        first = all_measured[0]
        if each is not first and each.done == first.done:
            row["difference"] = _rounded(asdict(difference(each.values["ndcg@10"], first.values["ndcg@10"])))
        rows.append(row)
    return rows


def _question(line: bytes | str, number: int) -> Question:
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(_("Line %(number)s is not JSON.") % {"number": number}, line=number) from exc
    given = given if isinstance(given, dict) else {}
    text, relevant = given.get("question", given.get("query")), given.get("relevant")
    if isinstance(relevant, list):
        relevant = dict.fromkeys(map(str, relevant), 1.0)
    good = isinstance(relevant, dict) and relevant and all(_is_grade(grade) for grade in relevant.values())
    if not isinstance(text, str) or not text.strip() or not good:
        raise InvalidInput(
            _('Line %(number)s needs "question" and "relevant": a list of documents, or documents with grades.')
            % {"number": number},
            line=number,
        )
    return Question(id=str(given.get("id", number)), text=text, relevant=dict(relevant or {}))


def _is_grade(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def _names(name: str, document_id: str, chunk_id: str) -> tuple[str, ...]:
    """What a file of questions may call the document of a passage."""
    return (name, name.rpartition(".")[0] or name, document_id, chunk_id)


def _documents(passages: Sequence[tuple[str, ...]], relevant: Mapping[str, float]) -> list[str]:
    """The documents in the order of their best passages, by the name that the question knows them by."""
    known = (next((name for name in names if name in relevant), names[2]) for names in passages)
    return list(dict.fromkeys(known))


def _rerank(variant: Variant) -> Any:
    if variant.rerank is None:
        return "default"
    if not variant.rerank:
        return "off"
    return RerankSettings(model=variant.rerank, timeout=variant.timeout, candidates=variant.candidates)


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(number, 4) for name, number in numbers.items()}
