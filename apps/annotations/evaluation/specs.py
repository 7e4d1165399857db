"""The settings that each kind of evaluator has, checked before anybody relies on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.annotations.evaluation.schemas import BadSchema, schema_checker
from support.patterns import BadPattern, compiled_pattern

LONGEST_TEXT = 20_000
LONGEST_PATTERN = 2_000
MOST_WORDS = 100
MOST_STEPS_OF_SCALE = 10
LONGEST_CODE_S = 30.0
LANGUAGES = ("python3", "javascript")
#: `config` of `contains`: how many of the words an answer must hold.
HOW_MANY = ("all", "any", "none")


class BadSetting(ValueError):
    """A setting that cannot be used. `reason` says what is wrong in a word; interfaces have the sentences."""

    def __init__(self, setting: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{setting}: {reason}{f' ({detail})' if detail else ''}")
        self.setting, self.reason, self.detail = setting, reason, detail


def checked_config(kind: str, config: object) -> dict[str, Any]:
    """The settings in full, with what was left out filled in. Raises BadSetting."""
    if not isinstance(config, Mapping):
        raise BadSetting("config", "not_an_object")
    if kind not in _CHECKS:
        raise BadSetting("kind", "unknown", str(kind)[:40])
    defaults = DEFAULTS[kind]
    for name in config:
        if name not in defaults:
            raise BadSetting(str(name)[:60], "unknown")
    full = {**defaults, **config}
    if not isinstance(full["field"], str) or len(full["field"]) > 200:
        raise BadSetting("field", "not_a_text")
    _CHECKS[kind](full)
    return full


#: What may be set, with what counts where it is not. `field` names the output that is judged; empty: the answer.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "exact": {"field": "", "ignore_case": False, "ignore_space": True},
    "contains": {"field": "", "words": [], "how_many": "all", "ignore_case": True},
    "regex": {"field": "", "pattern": "", "ignore_case": False, "whole": False},
    "json-schema": {"field": "", "schema": {}},
    "similarity": {"field": "", "model": "hashing"},
    "judge": {"field": "", "model": "default", "rubric": "", "steps": 2},
    "pairwise": {"field": "", "model": "default", "rubric": ""},
    "code": {"field": "", "language": "python3", "code": "", "seconds": 5.0},
}


def _check_exact(config: Mapping[str, Any]) -> None:
    _flags(config, "ignore_case", "ignore_space")


def _check_contains(config: Mapping[str, Any]) -> None:
    _flags(config, "ignore_case")
    words = config["words"]
    if not isinstance(words, list) or any(not isinstance(word, str) or not word.strip() for word in words):
        raise BadSetting("words", "not_words")
    if len(words) > MOST_WORDS:
        raise BadSetting("words", "too_many", str(MOST_WORDS))
    if config["how_many"] not in HOW_MANY:
        raise BadSetting("how_many", "unknown")


def _check_regex(config: Mapping[str, Any]) -> None:
    _flags(config, "ignore_case", "whole")
    pattern = _text(config, "pattern", most=LONGEST_PATTERN)
    try:
        compiled_pattern(pattern)
    except BadPattern as exc:
        raise BadSetting("pattern", "not_a_pattern", str(exc)[:200]) from exc


def _check_schema(config: Mapping[str, Any]) -> None:
    schema = config["schema"]
    if not isinstance(schema, Mapping) or not schema:
        raise BadSetting("schema", "not_an_object")
    try:
        schema_checker(schema)
    except BadSchema as exc:
        raise BadSetting("schema", "not_a_schema", str(exc)[:200]) from exc


def _check_similarity(config: Mapping[str, Any]) -> None:
    _text(config, "model", most=200)


def _check_judge(config: Mapping[str, Any]) -> None:
    _text(config, "model", most=200)
    _text(config, "rubric", most=LONGEST_TEXT)
    steps = config["steps"]
    if not isinstance(steps, int) or isinstance(steps, bool) or not 2 <= steps <= MOST_STEPS_OF_SCALE:
        raise BadSetting("steps", "out_of_range", f"2–{MOST_STEPS_OF_SCALE}")


def _check_pairwise(config: Mapping[str, Any]) -> None:
    _text(config, "model", most=200)
    _text(config, "rubric", most=LONGEST_TEXT)


def _check_code(config: Mapping[str, Any]) -> None:
    if config["language"] not in LANGUAGES:
        raise BadSetting("language", "unknown")
    if "main" not in _text(config, "code", most=LONGEST_TEXT):
        raise BadSetting("code", "no_main")
    seconds = config["seconds"]
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST_CODE_S:
        raise BadSetting("seconds", "out_of_range", f"0–{LONGEST_CODE_S:g}")


def _flags(config: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(config[name], bool):
            raise BadSetting(name, "not_yes_or_no")


def _text(config: Mapping[str, Any], name: str, *, most: int) -> str:
    value = config[name]
    if not isinstance(value, str) or not value.strip():
        raise BadSetting(name, "missing")
    if len(value) > most:
        raise BadSetting(name, "too_long", str(most))
    return value


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "exact": _check_exact,
    "contains": _check_contains,
    "regex": _check_regex,
    "json-schema": _check_schema,
    "similarity": _check_similarity,
    "judge": _check_judge,
    "pairwise": _check_pairwise,
    "code": _check_code,
}
