"""Tables of who and what: apps, models and users with their runs, failures, durations, tokens and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.traces.admin.dashboard.numbers import cost_words, error_rate, percent, short, time, tokens
from apps.traces.admin.dashboard.scope import Asked
from apps.traces.selectors.rollups import Figures, Portion

#: A share of failures that is worth a colour.
_NOTABLE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number in words; with a tone where it stands out."""

    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One app, model or user: `focus_url` narrows the dashboard to it, `url` lists its runs."""

    name: str
    focus_url: str
    url: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the page shows it."""

    name: str
    title: str
    head: str
    heads: Sequence[str]
    rows: Sequence[Row]
    open: str
    nothing: str
    note: str = ""


def table_of(asked: Asked, portions: Sequence[Portion], *, by: str) -> Table:
    """The table of `app`, `model` or `user`."""
    titles = {"app": _("Apps"), "model": _("Models"), "user": _("Users")}
    heads = {"app": _("App"), "model": _("Model"), "user": _("User")}
    nothing = {
        "app": _("No app ran."),
        "model": _("No model was called."),
        "user": _("No run names its user."),
    }
    counted = _("Calls") if by == "model" else _("Runs")
    return Table(
        name=by,
        title=titles[by],
        head=heads[by],
        heads=[counted, _("Failed"), _("Median"), _("p95"), _("Tokens"), _("Cost")],
        rows=[_row(asked, portion, by=by) for portion in portions],
        open=_("Runs"),
        nothing=nothing[by],
        note=_("Calls of models, in any run") if by == "model" else "",
    )


def _row(asked: Asked, portion: Portion, *, by: str) -> Row:
    return Row(
        name=portion.name or _("(no name)"),
        focus_url=asked.here(**{by: portion.key}),
        url=asked.runs(**{by: portion.key}),
        cells=_cells(portion.figures),
    )


def _cells(figures: Figures) -> list[Cell]:
    rate = error_rate(figures)
    return [
        Cell(words=f"{figures.count:,}"),
        Cell(words=percent(rate), tone="error" if rate is not None and rate >= _NOTABLE else ""),
        Cell(words=time(figures.durations.quantile(0.5))),
        Cell(words=time(figures.durations.quantile(0.95))),
        Cell(words=short(tokens(figures))),
        Cell(words=cost_words(figures)),
    ]
