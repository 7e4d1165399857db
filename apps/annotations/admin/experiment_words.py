"""What experiments say, in sentences: how good, how sure, and whether one is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.annotations.models import Experiment
from apps.annotations.selectors.measuring import Difference, Figure
from apps.annotations.statistics import Interval
from support.money import in_words

#: Of the chart of an interval, in its own units.
WIDTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval as it is drawn: a line with a dot, on a scale from 0 to 100."""

    low: float
    value: float
    high: float

    @property
    def width(self) -> float:
        """Wide enough to be seen."""
        return max(2.0, self.high - self.low)


def bar_of(interval: Interval | None) -> Bar | None:
    """Where a figure from 0 to 1 and its interval lie."""
    if interval is None:
        return None
    low, value, high = (round(WIDTH * min(1.0, max(0.0, each)), 1) for each in _ends(interval))
    return Bar(low=low, value=value, high=high)


def points(value: float, *, signed: bool = False) -> str:
    """A share as points of a hundred."""
    text = number_format(round(abs(value) * 100, 1), 1, use_l10n=True)
    if not signed:
        return f"−{text}" if value < 0 and float(f"{abs(value) * 100:.1f}") else text
    return f"−{text}" if value < 0 else f"+{text}"


def range_in_words(interval: Interval) -> str:
    """From where to where a figure lies."""
    return _("%(low)s to %(high)s") % {"low": points(interval.low), "high": points(interval.high)}


def figure_in_words(figure: Figure) -> str:
    """How good the answers are in the eyes of one evaluator."""
    if figure.mean is None and not figure.unscored:
        return _("No answer is judged yet.")
    if figure.mean is None:
        return _("It could not judge any answer.")
    words = _("%(mean)s points of 100 on average (95 %% interval %(range)s), %(passed)s of %(scored)s passed.")
    return words % {
        "mean": points(figure.mean.value),
        "range": range_in_words(figure.mean),
        "passed": f"{figure.passed:,}",
        "scored": f"{figure.scored:,}",
    }


def verdict_in_words(difference: Difference, *, first: str, second: str) -> str:
    """Whether the second is better than the first, by how much, and whether that may be chance."""
    scores = difference.scores
    gap = scores.difference
    facts = {
        "first": first,
        "second": second,
        "points": points(abs(gap.value)),
        "range": _("%(low)s to %(high)s") % {"low": points(gap.low), "high": points(gap.high)},
        "p": p_in_words(difference.p_corrected),
    }
    if scores.items == scores.same:
        return _("%(second)s and %(first)s got the same score for every item.") % facts
    if difference.is_significant:
        if gap.value > 0:
            words = _("%(second)s is better than %(first)s by %(points)s points (95 %% interval %(range)s);")
        else:
            words = _("%(second)s is worse than %(first)s by %(points)s points (95 %% interval %(range)s);")
            low, high = points(-gap.high), points(-gap.low)
            facts["range"] = _("%(low)s to %(high)s") % {"low": low, "high": high}
        chance = _("unlikely to be chance, %(p)s.")
        return f"{words % facts} {chance % facts}"
    facts["gap"] = points(gap.value, signed=True)
    words = _("No difference can be told between %(second)s and %(first)s: %(gap)s points, %(range)s, %(p)s.")
    return f"{words % facts} {needed_in_words(difference)}".strip()


def needed_in_words(difference: Difference) -> str:
    """What it would take to tell."""
    needed = difference.items_needed
    if needed is None:
        return ""
    words = ngettext(
        "If the difference is as large as it looks, about %(n)s item would tell; there are %(now)s.",
        "If the difference is as large as it looks, about %(n)s items would tell; there are %(now)s.",
        needed,
    )
    return words % {"n": f"{needed:,}", "now": f"{difference.scores.items:,}"}


def p_in_words(p_value: float) -> str:
    """A p value with as many digits as it has meaning."""
    if p_value < 0.001:
        return _("p < 0.001")
    digits = 3 if p_value < 0.1 else 2
    return f"p = {number_format(round(p_value, digits), digits, use_l10n=True)}"


def tone_of(difference: Difference) -> tuple[str, str, str]:
    """How a difference is shown: tone, icon and word."""
    if not difference.is_significant:
        return "neutral", "minus", _("No difference")
    if difference.scores.difference.value > 0:
        return "success", "arrow-up", _("Better")
    return "error", "arrow-down", _("Worse")


def name_of(experiment: Experiment, *, beside: Experiment | None = None) -> str:
    """What a sentence calls an experiment: its version, or its name where both have the same version."""
    version: Any = experiment.version
    if beside is not None and beside.version_id == experiment.version_id:
        return f"“{experiment}”"
    return _("version %(n)s") % {"n": version.number}


def capital(sentence: str) -> str:
    """A sentence begins with a capital."""
    return sentence[:1].upper() + sentence[1:]


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.value, interval.high


def spent_in_words(experiment: Experiment, *, cost_at_end: Decimal | None = None) -> list[tuple[str, str, str, str]]:
    """What it took, and of what it may take: name, amount, limit, and what it will have been in the end."""
    most = experiment.max_cost
    cost = in_words(experiment.cost, experiment.currency)
    at_end = ""
    if cost_at_end is not None:
        at_end = _("about %(cost)s in the end") % {"cost": in_words(cost_at_end, experiment.currency)}
    return [
        (
            _("Calls of models"),
            f"{experiment.calls:,}",
            f"{experiment.max_calls:,}" if experiment.max_calls else "",
            "",
        ),
        (_("Tokens"), f"{experiment.tokens:,}", f"{experiment.max_tokens:,}" if experiment.max_tokens else "", ""),
        (_("Cost"), cost, in_words(most, experiment.currency) if most else "", at_end),
    ]


def time_left_in_words(seconds: float | None) -> str:
    """About how long it still takes; empty where nobody can say yet."""
    if seconds is None:
        return ""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 90:
        # In steps of five: a number that jumps each second says no more.
        return _("about %(n)s s left") % {"n": 5 * round(seconds / 5)}
    if seconds < 90 * 60:
        return _("about %(n)s min left") % {"n": round(seconds / 60)}
    return _("about %(n)s h left") % {"n": round(seconds / 3_600)}
