"""Applies rules to texts and to JSON values of any shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from apps.traces.masking.own import Own
from apps.traces.masking.personal import personal_rules
from apps.traces.masking.rules import Rule, lowered, mark
from apps.traces.masking.secrets import SECRET_NAME_ENDS, SECRETS, counts_tokens, names_a_secret

#: No rule finds anything in less.
_SHORTEST = 6
#: Whole numbers from here on may be a card or a phone.
_LONG_NUMBER = 10**9
_MASKED = "[masked:"
#: How objects of a name and a value call the one and the other, in small letters.
_NAMES = ("key", "name", "header", "variable", "field")
_VALUES = frozenset({"value", "values", "val", "default", "stringvalue", "intvalue", "doublevalue", "arrayvalue"})


class Masker:
    """Takes out secrets, and of personal data what it is told to."""

    def __init__(self, *, personal: Collection[str] = (), own: Sequence[Own] = ()) -> None:
        """`personal` are names of PERSONAL."""
        chosen = personal_rules(personal)
        self._rules: tuple[Rule, ...] = (*SECRETS, *own, *chosen)
        self._numbers = bool(chosen)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What it looks for, in order."""
        return self._rules

    def text(self, text: str) -> str:
        """The text without what must go; most texts come back as they are."""
        return _masked(text, self._rules)

    def value(self, value: Any) -> Any:
        """A JSON value without what must go, also in fields whose names say that they are secret.

        The value is looked at as one text first: only rules that may find something there are applied to its parts.
        """
        if isinstance(value, str):
            return self.text(value)
        if not value or isinstance(value, (bool, int, float)):
            return value
        whole = _as_text(value)
        lower = lowered(whole)
        rules = tuple(rule for rule in self._rules if rule.may_hold(whole, lower))
        if not rules and not any(end in lower for end in SECRET_NAME_ENDS):
            return value
        return self._inside(value, rules)

    def _inside(self, value: Any, rules: tuple[Rule, ...]) -> Any:
        if isinstance(value, str):
            return _masked(value, rules)
        if isinstance(value, Mapping):
            return self._fields(value, rules)
        if isinstance(value, (list, tuple)):
            if _are_pairs(value):
                return [[self._inside(name, rules), self._named(str(name), inner, rules)] for name, inner in value]
            return [self._inside(each, rules) for each in value]
        if self._numbers and isinstance(value, int) and not isinstance(value, bool) and value >= _LONG_NUMBER:
            written = str(value)
            masked = _masked(written, rules)
            return value if masked == written else masked
        return value

    def _fields(self, value: Mapping[Any, Any], rules: tuple[Rule, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        told = _told_name(value)
        for key, inner in value.items():
            name = _masked(str(key), rules)
            while name in found:
                name += "'"
            known = told if told and name.lower() in _VALUES else name
            found[name] = self._named(known, inner, rules)
        return found

    def _named(self, name: str, value: Any, rules: tuple[Rule, ...]) -> Any:
        if not names_a_secret(name):
            return self._inside(value, rules)
        return _hidden(value, numbers=not counts_tokens(name))


def _told_name(value: Mapping[Any, Any]) -> str:
    """What an object of a name and a value calls its value: headers and variables come like that."""
    named = {str(key).lower(): inner for key, inner in value.items()}
    if named.keys().isdisjoint(_VALUES):
        return ""
    return next((named[key] for key in _NAMES if isinstance(named.get(key), str)), "")


def _are_pairs(values: Sequence[Any]) -> bool:
    """Whether it is a list of names with a value each, as headers are in many programs."""
    return bool(values) and all(
        isinstance(each, (list, tuple)) and len(each) == 2 and isinstance(each[0], str) for each in values
    )


def _hidden(value: Any, *, numbers: bool) -> Any:
    """Nothing at all of what a name calls secret, in whatever shape: headers are lists in OpenTelemetry.

    In an object below such a name, numbers are mostly about it; only what it calls its value goes.
    """
    if isinstance(value, str):
        return value if not value or value.startswith(_MASKED) else mark("secret")
    if isinstance(value, Mapping):
        return {str(name): _hidden(each, numbers=str(name).lower() in _VALUES) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(each, numbers=numbers) for each in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return mark("secret") if numbers and is_number else value


def _masked(text: str, rules: tuple[Rule, ...]) -> str:
    if len(text) < _SHORTEST or not rules:
        return text
    lower = lowered(text)
    for rule in rules:
        if rule.may_hold(text, lower):
            masked = rule.mask(text, lower)
            if masked is not text:
                text, lower = masked, lowered(masked)
    return text


def _as_text(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
