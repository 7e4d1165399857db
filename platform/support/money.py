"""How amounts of money are written for people, everywhere: the sign before, the digits that say something."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

SIGNS: Final = {"": "$", "USD": "$", "CNY": "¥", "EUR": "€"}
#: Smaller amounts are told as smaller than this one.
LEAST: Final = Decimal("0.000001")
_PLACES = 6


def sign_of(currency: str) -> str:
    """What stands before an amount: $, ¥, €, and the code of any other currency with a space."""
    return SIGNS.get(currency, f"{currency} ")


def in_words(amount: Decimal | float | str | None, currency: str = "USD", *, at_least: bool = False) -> str:
    """$0, $0.0042, $12.30, ¥1,204.10, CHF 0.31; "≥" before it where some of the whole has no price."""
    if amount is None or amount == "":
        return "–"
    value = Decimal(str(amount))
    words = f"{'-' if value < 0 else ''}{sign_of(currency)}{_digits(abs(value))}"
    if 0 < abs(value) < LEAST:
        words = f"< {sign_of(currency)}{LEAST:f}"
    return f"≥ {words}" if at_least else words


def _digits(value: Decimal) -> str:
    """Two places, or below one the three digits that come first."""
    if value == 0:
        return "0"
    if value >= 1:
        return f"{value:,.2f}"
    places = max(2, min(_PLACES, 2 - value.adjusted()))
    whole, _point, rest = f"{value:.{places}f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
