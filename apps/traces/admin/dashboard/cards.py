"""The figures at the top: each with its change since the period before, and the way to its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.traces.admin.dashboard.board import Board
from apps.traces.admin.dashboard.numbers import cost_in, cost_words, error_rate, percent, short, time, tokens
from apps.traces.admin.dashboard.scope import Asked
from apps.traces.selectors.rollups import main_currency
from support import money
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
    unpriced = _("%(n)s calls without a price") % {"n": now.unpriced_calls} if now.unpriced_calls else ""
    told = [
        _Told(
            label=_("Calls") if asked.filters.get("model") else _("Runs"),
            url=asked.runs(),
            now=now.count,
            before=before.count,
            words=short,
        ),
        _Told(
            label=_("Failed"),
            url=asked.runs(status="failed"),
            now=error_rate(now),
            before=error_rate(before),
            words=percent,
            more_is_bad=True,
            hint=ngettext("%(n)s failed run", "%(n)s failed runs", now.errors) % {"n": f"{now.errors:,}"},
        ),
        _time(_("Duration, p95"), asked.runs(sort="slowest"), now.durations, before.durations),
        _time(_("First text, p95"), asked.runs(sort="first_text"), now.first_texts, before.first_texts),
        _Told(
            label=_("Tokens"),
            url=asked.runs(sort="tokens"),
            now=tokens(now),
            before=tokens(before),
            words=short,
            hint=_("%(i)s in, %(o)s out") % {"i": short(now.input_tokens), "o": short(now.output_tokens)},
        ),
        _Told(
            label=_("Cost"),
            url=asked.runs(sort="costliest"),
            now=float(cost_in(now, currency)),
            before=float(cost_in(before, currency)),
            words=lambda _cost: cost_words(now),
            words_before=lambda cost: money.in_words(cost, currency),
            more_is_bad=True,
            hint=unpriced,
        ),
        _Told(
            label=_("Not helpful"),
            url="#cause-wrong",
            now=verdicts.dislikes,
            before=board.before.verdicts.dislikes,
            words=short,
            more_is_bad=True,
            hint=_("%(likes)s helpful, %(dislikes)s not") % {"likes": verdicts.likes, "dislikes": verdicts.dislikes},
        ),
    ]
    return [_card(each, has_past=board.has_past) for each in told]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A figure before it is put into words."""

    label: str
    url: str
    now: float | None
    before: float | None
    words: Callable[[float], str]
    #: Of the figure before, where it is written otherwise.
    words_before: Callable[[float], str] | None = None
    more_is_bad: bool = False
    hint: str = ""


def _time(label: str, url: str, now: Histogram, before: Histogram) -> _Told:
    middle = now.quantile(0.5)
    hint = _("median %(d)s") % {"d": time(middle)} if middle is not None else ""
    return _Told(
        label=label,
        url=url,
        now=now.quantile(0.95),
        before=before.quantile(0.95),
        words=time,
        more_is_bad=True,
        hint=hint,
    )


def _card(told: _Told, *, has_past: bool) -> Card:
    """With nothing to compare with, the note says what else is known: a first day is not seven times new."""
    note, tone, icon = _change(told) if has_past else (told.hint, "neutral", "")
    return Card(
        label=told.label,
        value="–" if told.now is None else told.words(told.now),
        url=told.url,
        note=note,
        tone=tone,
        icon=icon,
        hint=told.hint if has_past else "",
    )


def _change(told: _Told) -> tuple[str, str, str]:
    """(words, tone, icon) of a change since the period before."""
    now, before = told.now, told.before
    if now is None:
        return _("No data"), "neutral", ""
    if not now and not before:
        return _("As before"), "neutral", ""
    if before is None:
        return "", "neutral", ""
    if before == 0:
        words = (told.words_before or told.words)(before)
        return _("%(value)s before") % {"value": words}, "error" if told.more_is_bad else "neutral", ""
    change = now / before - 1
    if abs(change) < _NOTABLE:
        return _("As before"), "neutral", ""
    words = _("×%(n)s") % {"n": f"{now / before:.1f}"} if change >= 2 else f"{change:+.0%}".replace("-", "−")
    tone = "neutral" if not told.more_is_bad else "error" if change > 0 else "success"
    return words, tone, "arrow-up" if change > 0 else "arrow-down"
