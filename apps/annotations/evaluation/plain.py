"""Evaluators that need nothing but the texts: exact, contains, pattern, JSON schema."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import regex

from apps.annotations.evaluation.case import CannotJudge, Case, Judgement, Spec, as_text
from apps.annotations.evaluation.schemas import BadSchema, problems_of

#: A pattern that needs longer for one answer is given up.
PATTERN_S = 0.25
_SHOWN = 300


def exact(case: Case, spec: Spec) -> Judgement:
    """The expected answer and nothing else. Values are compared as values."""
    name, config = spec.config["field"], spec.config
    seen, wanted = case.looked_at(name), case.expected_of(name)
    if wanted is None:
        raise CannotJudge("nothing_expected", "The item does not say what is expected.")
    if not isinstance(wanted, str):
        same = _as_value(seen) == wanted
        return _yes_or_no(same, "" if same else f"{as_text(seen)[:_SHOWN]} ≠ {as_text(wanted)[:_SHOWN]}")
    left, right = (_plain(text, **_ignoring(config)) for text in (as_text(seen), wanted))
    return _yes_or_no(left == right, "" if left == right else f"{left[:_SHOWN]} ≠ {right[:_SHOWN]}")


def contains(case: Case, spec: Spec) -> Judgement:
    """Words, or the expected answer where no words are set. The score of `all` is the share that was found."""
    config = spec.config
    words = list(config["words"])
    if not words:
        wanted = case.expected_of(config["field"])
        words = [str(word) for word in wanted] if isinstance(wanted, list) else [as_text(wanted)]
        if wanted is None or not all(word.strip() for word in words):
            raise CannotJudge("nothing_expected", "Neither the evaluator nor the item says what to look for.")
    seen = _plain(as_text(case.looked_at(config["field"])), ignore_case=config["ignore_case"], ignore_space=True)
    found = [word for word in words if _plain(word, ignore_case=config["ignore_case"], ignore_space=True) in seen]
    missing = [word for word in words if word not in found]
    details = {"found": found, "missing": missing}
    match config["how_many"]:
        case "any":
            return Judgement(score=float(bool(found)), label=_label(bool(found)), details=details)
        case "none":
            return Judgement(score=float(not found), label=_label(not found), details=details)
        case _:
            return Judgement(score=len(found) / len(words), label=_label(not missing), details=details)


def pattern(case: Case, spec: Spec) -> Judgement:
    """A regular expression, given up when it takes too long."""
    config = spec.config
    flags = regex.IGNORECASE if config["ignore_case"] else 0
    look = regex.fullmatch if config["whole"] else regex.search
    text = as_text(case.looked_at(config["field"]))
    try:
        found = look(config["pattern"], text.strip() if config["whole"] else text, flags=flags, timeout=PATTERN_S)
    except TimeoutError as exc:
        message = f"The pattern needs more than {PATTERN_S:g} s for this answer."
        raise CannotJudge("pattern_too_slow", message) from exc
    except regex.error as exc:
        raise CannotJudge("bad_pattern", str(exc)[:_SHOWN]) from exc
    return _yes_or_no(found is not None, found.group(0)[:_SHOWN] if found else "")


def json_schema(case: Case, spec: Spec) -> Judgement:
    """JSON that fits a schema; a text must be JSON and nothing else."""
    value = case.looked_at(spec.config["field"])
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=_no_constant)
        except (ValueError, RecursionError) as exc:
            return _yes_or_no(False, f"Not JSON: {exc}"[:_SHOWN])
    try:
        problems = problems_of(value, spec.config["schema"])
    except BadSchema as exc:
        raise CannotJudge("bad_schema", str(exc)) from exc
    return _yes_or_no(not problems, "\n".join(problems))


def _yes_or_no(is_good: bool, explanation: str) -> Judgement:
    return Judgement(score=float(is_good), label=_label(is_good), explanation=explanation)


def _label(is_good: bool) -> str:
    return "yes" if is_good else "no"


def _ignoring(config: Any) -> dict[str, bool]:
    return {name: config[name] for name in ("ignore_case", "ignore_space")}


def _plain(text: str, *, ignore_case: bool, ignore_space: bool) -> str:
    """What is compared: one way of writing for letters that have several, and runs of space as one."""
    text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split()) if ignore_space else text
    return text.casefold() if ignore_case else text


def _as_value(seen: Any) -> Any:
    """An answer that is JSON, as the value it stands for."""
    if not isinstance(seen, str):
        return seen
    try:
        return json.loads(seen, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return seen


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
