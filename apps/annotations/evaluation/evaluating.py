"""One evaluator on one answer, whatever its kind."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apps.annotations.evaluation import judging, plain
from apps.annotations.evaluation.case import CannotJudge, Case, Judgement, Reach, Spec, as_text

_LONGEST_TEXT = 4_000


async def evaluate(case: Case, spec: Spec, reach: Reach) -> Judgement:
    """What the evaluator says. It does not raise: what it could not judge says so itself."""
    try:
        if spec.kind in _PLAIN:
            return _PLAIN[spec.kind](case, spec)
        return await _REACHING[spec.kind](case, spec, reach)
    except CannotJudge as exc:
        return Judgement(score=None, error_code=exc.code, error_message=exc.message[:_LONGEST_TEXT], spent=exc.spent)


async def similar(case: Case, spec: Spec, reach: Reach) -> Judgement:
    """The cosine of both texts in the space of an embedding model; what points away counts as nought."""
    name = spec.config["field"]
    wanted, seen = as_text(case.expected_of(name)), as_text(case.looked_at(name))
    if not wanted.strip():
        raise CannotJudge("nothing_expected", "The item does not say what is expected.")
    if not seen.strip():
        return Judgement(score=0.0, explanation="")
    embedded = await reach.embed([wanted, seen], model=spec.config["model"])
    score = cosine(*embedded.vectors)
    return Judgement(score=score, label=f"{score:.2f}", spent=embedded.spent)


async def by_code(case: Case, spec: Spec, reach: Reach) -> Judgement:
    """What `main` says of the answer: `{"score": 0 to 1}` or `{"passed": true}`, with an `explanation` if it likes."""
    inputs = {
        "answer": case.looked_at(spec.config["field"]),
        "expected": case.expected,
        "question": case.question,
        "inputs": dict(case.inputs),
        "outputs": dict(case.outputs),
        "metadata": dict(case.metadata),
    }
    config = spec.config
    said = await reach.run(config["code"], language=config["language"], inputs=inputs, seconds=config["seconds"])
    score, explanation = _score_of(said.value)
    return Judgement(
        score=score,
        explanation=explanation[:_LONGEST_TEXT],
        details={"printed": said.printed[:_LONGEST_TEXT]} if said.printed else {},
    )


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """How alike two vectors point, from 0 to 1."""
    size = math.hypot(*left) * math.hypot(*right)
    if not size:
        return 0.0
    alike = sum(a * b for a, b in zip(left, right, strict=True)) / size
    return min(1.0, max(0.0, alike))


def _score_of(value: Any) -> tuple[float, str]:
    if not isinstance(value, Mapping):
        raise CannotJudge("bad_code_result", 'main must give back {"score": ...} or {"passed": ...}.')
    score, passed = value.get("score"), value.get("passed")
    if score is None and isinstance(passed, bool):
        score = float(passed)
    if isinstance(score, bool) or not isinstance(score, (int, float)) or (isinstance(score, float) and score != score):
        raise CannotJudge("bad_code_result", 'main must give back "score" as a number or "passed" as a boolean.')
    if not 0 <= score <= 1:
        # A whole number may have more digits than a float takes, and than anybody reads.
        shown = f"{score:g}" if abs(score) < 1e300 else "far beyond"
        raise CannotJudge("bad_code_result", f"The score must lie between 0 and 1; it is {shown}.")
    return float(score), str(value.get("explanation") or "")


_PLAIN: Mapping[str, Callable[[Case, Spec], Judgement]] = {
    "exact": plain.exact,
    "contains": plain.contains,
    "regex": plain.pattern,
    "json-schema": plain.json_schema,
}
_REACHING: Mapping[str, Callable[[Case, Spec, Reach], Awaitable[Judgement]]] = {
    "similarity": similar,
    "judge": judging.judged,
    "pairwise": judging.compared,
    "code": by_code,
}
