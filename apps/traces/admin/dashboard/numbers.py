"""Figures as numbers and words: shares, tokens, costs in their currencies."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.selectors.rollups import MAIN_CURRENCY, Figures
from support import money


def error_rate(figures: Figures) -> float | None:
    """The share of failed runs, 0 to 1; None without runs."""
    return figures.errors / figures.count if figures.count else None


def tokens(figures: Figures) -> int:
    """Input and output together."""
    return figures.input_tokens + figures.output_tokens


def cost_in(figures: Figures, currency: str) -> Decimal:
    """What was spent in one currency; never the sum of several."""
    return figures.costs.get(currency, Decimal(0))


def cost_words(figures: Figures) -> str:
    """$12.30; ≥ $0.31 with calls that have no price; several currencies side by side."""
    if not figures.costs:
        return "–" if figures.unpriced_calls else money.in_words(Decimal(0))
    parts = [
        money.in_words(cost, currency)
        for currency, cost in sorted(figures.costs.items(), key=lambda each: each[0] != MAIN_CURRENCY)
    ]
    words = " + ".join(parts)
    return f"≥ {words}" if figures.unpriced_calls else words


def short(number: float) -> str:
    """1,204; 18.4k; 2.31M: no more than a card can hold."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            shown = number / (1e3 if letter == "k" else size)
            return f"{shown:.3g}{letter}" if shown < 999.5 else f"{shown:.0f}{letter}"
    return f"{number:,.0f}"


def percent(share: float | None) -> str:
    """4.2 %, 0 %, 0.04 %."""
    if share is None:
        return "–"
    value = share * 100
    places = 0 if value == 0 or value >= 99.95 else 1 if value >= 0.95 else 2
    return _("%(n)s %%") % {"n": f"{value:.{places}f}"}


def time(microseconds: float | None) -> str:
    """A duration in words; a dash where there is none."""
    return "–" if microseconds is None else duration(round(microseconds))
