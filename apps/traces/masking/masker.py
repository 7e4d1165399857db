"""Applies rules to texts and to JSON values of any shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from apps.traces.masking.own import Own
from apps.traces.masking.personal import personal_rules
from apps.traces.masking.rules import Rule, lowered, mark
from apps.traces.masking.secrets import SECRET_NAME_ENDS, SECRETS, names_a_secret

#: No rule finds anything in less.
_SHORTEST = 6
#: Whole numbers from here on may be a card or a phone.
_LONG_NUMBER = 10**9
_MASKED = "[masked:"


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
            return [self._inside(each, rules) for each in value]
        if self._numbers and isinstance(value, int) and not isinstance(value, bool) and value >= _LONG_NUMBER:
            written = str(value)
            masked = _masked(written, rules)
            return value if masked == written else masked
        return value

    def _fields(self, value: Mapping[Any, Any], rules: tuple[Rule, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, inner in value.items():
            name = _masked(str(key), rules)
            while name in found:
                name += "'"
            secret = isinstance(inner, (str, list, tuple, Mapping)) and names_a_secret(name)
            found[name] = _hidden(inner) if secret else self._inside(inner, rules)
        return found


def _hidden(value: Any) -> Any:
    """No text at all of what a name calls secret, in whatever shape: headers are lists in OpenTelemetry."""
    if isinstance(value, str):
        return value if not value or value.startswith(_MASKED) else mark("secret")
    if isinstance(value, Mapping):
        return {str(name): _hidden(inner) for name, inner in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, (list, tuple)) else value


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
