"""The figures at the top: each with its change since the period before, and the way to its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.traces.admin.dashboard.board import Board
from apps.traces.admin.dashboard.numbers import cost_in, cost_words, error_rate, percent, short, time, tokens
from apps.traces.admin.dashboard.scope import Asked
from apps.traces.selectors.rollups import main_currency
from support.histogram import Histogram

#: A smaller change than this is noise.
_NOTABLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One figure as it is shown."""

    label: str
    value: str
    url: str
    note: str = ""
    tone: str = "neutral"
    icon: str = ""
    unit: str = ""
    hint: str = ""


def cards_of(asked: Asked, board: Board) -> Sequence[Card]:
    """Runs (or calls of a model), failures, durations, tokens, cost and what people thought."""
    currency = main_currency(board.now.total.costs)
    now, before, verdicts = board.now.total, board.before.total, board.now.verdicts
    unpriced = _("%(n)s calls of models without a price") % {"n": now.unpriced_calls} if now.unpriced_calls else ""
    return [
        _card(
            _("Calls") if asked.filters.get("model") else _("Runs"),
            short(now.count),
            asked.runs(),
            now.count,
            before.count,
        ),
        _card(
            _("Failed"),
            percent(error_rate(now)),
            asked.runs(status="failed"),
            error_rate(now),
            error_rate(before),
            more_is_bad=True,
            hint=_("%(n)s failed runs") % {"n": f"{now.errors:,}"},
        ),
        _time(_("Duration, p95"), asked.runs(sort="slowest"), now.durations, before.durations),
        _time(_("First text, p95"), asked.runs(sort="first_text"), now.first_texts, before.first_texts),
        _card(
            _("Tokens"),
            short(tokens(now)),
            asked.runs(sort="tokens"),
            tokens(now),
            tokens(before),
            hint=_("%(i)s in, %(o)s out") % {"i": f"{now.input_tokens:,}", "o": f"{now.output_tokens:,}"},
        ),
        _card(
            _("Cost"),
            cost_words(now),
            asked.runs(sort="costliest"),
            float(cost_in(now, currency)),
            float(cost_in(before, currency)),
            more_is_bad=True,
            hint=unpriced,
        ),
        _card(
            _("Not helpful"),
            short(verdicts.dislikes),
            "#cause-wrong",
            verdicts.dislikes,
            board.before.verdicts.dislikes,
            more_is_bad=True,
            hint=_("%(likes)s helpful, %(dislikes)s not") % {"likes": verdicts.likes, "dislikes": verdicts.dislikes},
        ),
    ]


def _time(label: str, url: str, now: Histogram, before: Histogram) -> Card:
    slow, slow_before = now.quantile(0.95), before.quantile(0.95)
    return _card(label, time(slow), url, slow, slow_before, more_is_bad=True)


def _card(
    label: str,
    value: str,
    url: str,
    now: float | None,
    before: float | None,
    *,
    more_is_bad: bool = False,
    hint: str = "",
) -> Card:
    note, tone, icon = _change(now, before, more_is_bad=more_is_bad)
    return Card(label=label, value=value, url=url, note=note, tone=tone, icon=icon, hint=hint)


def _change(now: float | None, before: float | None, *, more_is_bad: bool) -> tuple[str, str, str]:
    """(words, tone, icon) of a change since the period before."""
    if now is None:
        return _("No data"), "neutral", ""
    if not before:
        return (_("Nothing before") if now else _("As before")), "neutral", ""
    change = now / before - 1
    if abs(change) < _NOTABLE:
        return _("As before"), "neutral", ""
    words = _("×%(n)s") % {"n": f"{now / before:.1f}"} if change >= 2 else f"{change:+.0%}".replace("-", "−")
    tone = "neutral" if not more_is_bad else "error" if change > 0 else "success"
    return words, tone, "arrow-up" if change > 0 else "arrow-down"
