"""The charts: what is drawn and the same numbers as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from apps.traces.admin.dashboard.board import Bucket, Period
from apps.traces.admin.dashboard.numbers import cost_in, cost_words, short, time, tokens
from apps.traces.admin.dashboard.scope import DAY, Asked
from apps.traces.admin.formats import day_format, duration
from apps.traces.selectors.rollups import MAIN_CURRENCY, main_currency
from support import money
from support.histogram import Histogram

Number = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: how it looks (`role`), what it is called, its number in a bucket, and a number in words."""

    role: str
    label: str
    number: Callable[[Bucket], Number]
    words: Callable[[Number], str]
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart as the page draws it."""

    name: str
    title: str
    summary: str
    data: dict[str, Any]
    rows: Sequence[dict[str, Any]]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw: no number, or zeros only."""
        return not any(value for series in self.data["series"] for value in series["values"])

    @property
    def data_id(self) -> str:
        """The id of the element that holds its numbers."""
        return f"chart-data-{self.name}"


def charts_of(asked: Asked, now: Period, before: Period | None) -> list[Chart]:
    """Six charts; with `before`, each has a dashed line of the period before."""
    total, currency = now.total, main_currency(now.total.costs)
    charts = [
        ("runs", _("Calls") if asked.filters.get("model") else _("Runs"), f"{total.count:,}", _runs()),
        ("duration", _("Duration"), _middle(total.durations), _durations()),
        ("first-text", _("Time to first text"), _middle(total.first_texts), _firsts()),
        ("tokens", _("Tokens"), short(tokens(total)), _tokens()),
        ("cost", _("Cost"), cost_words(total), _costs(currency)),
    ]
    if not (asked.filters.get("model") or asked.filters.get("user")):
        charts.append(("verdicts", _("What people thought"), "", _verdicts()))
    earlier = before.buckets if before is not None else []
    signs = {"cost": money.sign_of(currency)}
    return [
        _chart(
            asked,
            _Drawing(name=name, title=title, summary=summary, lines=lines, prefix=signs.get(name, "")),
            now.buckets,
            earlier,
        )
        for name, title, summary, lines in charts
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    name: str
    title: str
    summary: str
    lines: Sequence[Line]
    #: What stands before the numbers of its axis.
    prefix: str = ""


def _runs() -> list[Line]:
    return [
        Line(role="error", label=_("Failed"), number=lambda bucket: bucket.figures.errors, words=_whole),
        Line(
            role="main",
            label=_("Not failed"),
            number=_unfailed,
            words=_whole,
        ),
    ]


def _durations() -> list[Line]:
    return [
        Line(role="main", label=_("Median"), number=_duration(0.5), words=_seconds),
        Line(role="band", label=_faster(90), number=_duration(0.9), words=_seconds),
        Line(
            role="band-wide",
            label=_faster(95),
            number=_duration(0.95),
            words=_seconds,
        ),
    ]


def _firsts() -> list[Line]:
    return [
        Line(role="main", label=_("Median"), number=_first_text(0.5), words=_seconds),
        Line(role="band", label=_faster(95), number=_first_text(0.95), words=_seconds),
    ]


def _unfailed(bucket: Bucket) -> Number:
    return bucket.figures.count - bucket.figures.errors


def _duration(share: float) -> Callable[[Bucket], Number]:
    return lambda bucket: _s(bucket.figures.durations, share)


def _first_text(share: float) -> Callable[[Bucket], Number]:
    return lambda bucket: _s(bucket.figures.first_texts, share)


def _faster(share: int) -> str:
    return _("%(n)s %% are faster") % {"n": share}


def _tokens() -> list[Line]:
    return [
        Line(role="main", label=_("Input"), number=lambda bucket: bucket.figures.input_tokens, words=_whole),
        Line(role="second", label=_("Output"), number=lambda bucket: bucket.figures.output_tokens, words=_whole),
    ]


def _costs(currency: str) -> list[Line]:
    """One currency throughout: a line that went from one to another would draw nonsense."""

    def number(bucket: Bucket) -> Number:
        return float(cost_in(bucket.figures, currency))

    def words(value: Number) -> str:
        return "–" if value is None else money.in_words(str(value), currency)

    label = _("Cost") if currency == MAIN_CURRENCY else _("Cost in %(currency)s") % {"currency": currency}
    return [Line(role="main", label=label, number=number, words=words)]


def _verdicts() -> list[Line]:
    return [
        Line(role="error", label=_("Not helpful"), number=lambda bucket: bucket.verdicts.dislikes, words=_whole),
        Line(role="main", label=_("Helpful"), number=lambda bucket: bucket.verdicts.likes, words=_whole),
    ]


#: Charts of times are lines with a band; the rest are bars.
_LINES = {"duration", "first-text"}


def _chart(asked: Asked, drawing: _Drawing, now: Sequence[Bucket], before: Sequence[Bucket]) -> Chart:
    name, lines = drawing.name, drawing.lines
    labels = [_label(bucket) for bucket in now]
    urls = [asked.runs(**{"from": _spelled(bucket.at), "to": _spelled(bucket.until)}) for bucket in now]
    series = [_series(line, now) for line in lines]
    if before:
        series.append(_earlier(name, lines, before))
    rows = [
        {"label": label, "url": url, "cells": [each["words"][place] for each in series]}
        for place, (label, url) in enumerate(zip(labels, urls, strict=True))
    ]
    data = {
        "type": "line" if name in _LINES else "bar",
        "labels": labels,
        "urls": urls,
        "series": series,
        "whole": name in ("runs", "verdicts"),
        "prefix": drawing.prefix,
        "suffix": " s" if name in _LINES else "",
    }
    return Chart(name=name, title=drawing.title, summary=drawing.summary, data=data, rows=rows[::-1])


def _series(line: Line, buckets: Sequence[Bucket]) -> dict[str, Any]:
    values = [line.number(bucket) for bucket in buckets]
    return {
        "role": line.role,
        "label": line.label,
        "values": values,
        "words": [line.words(value) for value in values],
        **({"type": line.type} if line.type else {}),
    }


def _earlier(name: str, lines: Sequence[Line], buckets: Sequence[Bucket]) -> dict[str, Any]:
    """The period before as one line: the main series, or the whole height of stacked bars."""
    stacked = name not in _LINES
    line = lines[0]

    def number(bucket: Bucket) -> Number:
        return sum(each.number(bucket) or 0 for each in lines) if stacked else line.number(bucket)

    return _series(Line(role="before", label=_("Before"), number=number, words=line.words, type="line"), buckets)


def _label(bucket: Bucket) -> str:
    if bucket.until - bucket.at >= DAY:
        return formats.date_format(bucket.at, day_format())
    return formats.date_format(bucket.at, f"{day_format()}, H:i")


def _spelled(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def _middle(histogram: Histogram) -> str:
    middle = histogram.quantile(0.5)
    return _("median %(d)s") % {"d": time(middle)} if middle is not None else ""


def _s(histogram: Histogram, share: float) -> Number:
    microseconds = histogram.quantile(share)
    return None if microseconds is None else round(microseconds / 1e6, 4)


def _seconds(value: Number) -> str:
    return "–" if value is None else duration(round(value * 1e6))


def _whole(value: Number) -> str:
    return "–" if value is None else f"{value:,.0f}"
