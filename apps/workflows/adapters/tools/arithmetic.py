"""Works out arithmetic that somebody wrote, in decimal numbers. A parser of its own: nothing is ever evaluated."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

MAX_CHARS: Final = 2_000
MAX_DEPTH: Final = 60
_MAX_POWER: Final = 10_000
_CONTEXT: Final = decimal.Context(prec=34, Emax=9_999, Emin=-9_999)
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|//|[-+*/%^(),]))"
)
_LEVELS: Final[Sequence[tuple[str, ...]]] = (("+", "-"), ("*", "/", "//", "%"))
_CONSTANTS: Final = {"pi": Decimal("3.141592653589793238462643383279502884"), "e": Decimal(1).exp(_CONTEXT)}


class NotArithmetic(ValueError):
    """The text is no arithmetic, or it has no result; the message says where or why."""


def calculate(text: str) -> Decimal:
    """The value of an expression: numbers, + - * / // % ^, brackets, functions. Raises NotArithmetic."""
    if len(text) > MAX_CHARS:
        raise NotArithmetic(f"The expression is longer than {MAX_CHARS:,} characters.")
    with decimal.localcontext(_CONTEXT):
        try:
            value = _Reader(_tokens(text)).whole()
        except decimal.DivisionByZero as exc:
            raise NotArithmetic("Something is divided by zero.") from exc
        except decimal.Overflow as exc:
            raise NotArithmetic("The result is too large.") from exc
        except (decimal.InvalidOperation, ValueError, OverflowError) as exc:
            if isinstance(exc, NotArithmetic):
                raise
            raise NotArithmetic("This has no result among the real numbers.") from exc
    if not value.is_finite():
        raise NotArithmetic("This has no result among the real numbers.")
    return value


def as_number(value: Decimal) -> int | float:
    """The value as JSON has it."""
    whole = value == value.to_integral_value() and abs(value) < Decimal(2) ** 63
    return int(value) if whole else float(value)


def as_digits(value: Decimal) -> str:
    """The value as people write it: no exponent where it can be helped, no zeros at the end."""
    if value == value.to_integral_value() and abs(value) < Decimal(10) ** 34:
        return f"{value.quantize(Decimal(1), context=_CONTEXT):f}"
    shown = value.normalize(_CONTEXT)
    return f"{shown:f}" if -30 < shown.adjusted() < 34 else str(shown)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.replace("×", "*").replace("÷", "/").replace("−", "-").rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotArithmetic(f"{text[at:].strip()[:20]!r} is not understood, at character {at + 1}.")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


class _Reader:
    """Reads tokens by recursive descent, and works them out on the way."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Decimal:
        if not self._tokens:
            raise NotArithmetic("There is nothing to work out.")
        value = self._level(0)
        if self._at < len(self._tokens):
            raise NotArithmetic(f"{self._tokens[self._at]!r} is not expected.")
        return value

    def _level(self, level: int) -> Decimal:
        if level == len(_LEVELS):
            return self._signed()
        value = self._level(level + 1)
        while (operator := self._next_of(_LEVELS[level])) is not None:
            value = _OPERATORS[operator](value, self._level(level + 1))
        return value

    def _signed(self) -> Decimal:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotArithmetic(f"The expression is nested more than {MAX_DEPTH} deep.")
        sign = self._next_of(("-", "+"))
        value = self._power() if sign is None else self._signed()
        self._depth -= 1
        return -value if sign == "-" else value

    def _power(self) -> Decimal:
        base = self._single()
        return base if self._next_of(("**", "^")) is None else _power(base, self._signed())

    def _single(self) -> Decimal:
        token = self._take()
        if token == "(":  # noqa: S105 - a bracket
            value = self._level(0)
            self._expect(")")
            return value
        if token[0].isdigit() or token[0] == ".":
            return Decimal(token)
        if token.lower() in _CONSTANTS:
            return _CONSTANTS[token.lower()]
        if token.lower() in _FUNCTIONS:
            return self._function(token.lower())
        raise NotArithmetic(f"{token!r} is not a number, constant or function.")

    def _function(self, name: str) -> Decimal:
        self._expect("(")
        arguments = [self._level(0)]
        while self._next_of((",",)) is not None:
            arguments.append(self._level(0))
        self._expect(")")
        function, fewest, most = _FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise NotArithmetic(f"{name} does not take {len(arguments)} values.")
        return function(*arguments)

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise NotArithmetic("The expression ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next_of(self, wanted: tuple[str, ...]) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at] in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _expect(self, wanted: str) -> None:
        if self._next_of((wanted,)) is None:
            raise NotArithmetic(f"{wanted!r} is missing.")


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > _MAX_POWER:
        raise NotArithmetic(f"A power above {_MAX_POWER:,} is not worked out.")
    return base**exponent


def _rounded(value: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    places = int(digits)
    if not -30 <= places <= 30:
        raise NotArithmetic("Numbers are rounded to 30 places at most.")
    return value.quantize(Decimal(1).scaleb(-places), rounding=decimal.ROUND_HALF_UP)


def _logarithm(value: Decimal, base: Decimal | None = None) -> Decimal:
    return value.ln() if base is None else value.ln() / base.ln()


def _real(function: Callable[[float], float]) -> Callable[..., Decimal]:
    return lambda value: Decimal(repr(function(float(value))))


def _towards(rounding: str) -> Callable[..., Decimal]:
    return lambda value: value.to_integral_value(rounding=rounding)


_OPERATORS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "//": lambda one, other: (one / other).to_integral_value(rounding=decimal.ROUND_FLOOR),
    "%": lambda one, other: one - other * (one / other).to_integral_value(rounding=decimal.ROUND_FLOOR),
}
#: Name -> what it does, and how many values it takes.
_FUNCTIONS: Final[dict[str, tuple[Callable[..., Decimal], int, int]]] = {
    "abs": (abs, 1, 1),
    "sqrt": (Decimal.sqrt, 1, 1),
    "exp": (Decimal.exp, 1, 1),
    "ln": (_logarithm, 1, 1),
    "log": (_logarithm, 1, 2),
    "log10": (Decimal.log10, 1, 1),
    "round": (_rounded, 1, 2),
    "floor": (_towards(decimal.ROUND_FLOOR), 1, 1),
    "ceil": (_towards(decimal.ROUND_CEILING), 1, 1),
    "min": (min, 1, 100),
    "max": (max, 1, 100),
    "sum": (lambda *values: sum(values, Decimal(0)), 1, 100),
    "sin": (_real(math.sin), 1, 1),
    "cos": (_real(math.cos), 1, 1),
    "tan": (_real(math.tan), 1, 1),
}
