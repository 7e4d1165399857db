"""Draws the rows and the scale of a waterfall as SVG, placed by attributes: the policy forbids style attributes."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

#: In per cent of the width: the thinnest bar that can be seen, and the room a label needs.
THINNEST = 0.4
LABEL_ROOM = 22.0


def bar(*, begin: float, length: float, total: float, label: str, wait: float) -> SafeString:
    """One row: the bar, its pale beginning, its label after, before or inside it, whichever has room."""
    scale = 100 / total if total > 0 else 0
    x = min(max(begin * scale, 0), 100 - THINNEST)
    width = min(max(length * scale, THINNEST), 100 - x)
    pale = min(max(wait * scale, 0), width)
    return format_html(
        '<svg class="span-bar" aria-hidden="true" focusable="false">{}<rect class="bar" x="{}%" y="9" width="{}%" '
        'height="10"></rect>{}</svg>',
        format_html('<rect class="bar-wait" x="{}%" y="9" width="{}%" height="10"></rect>', _n(x), _n(pale))
        if pale
        else mark_safe(""),
        _n(x + pale),
        _n(width - pale),
        _label(label, x=x, width=width) if label else mark_safe(""),
    )


def _label(label: str, *, x: float, width: float) -> SafeString:
    end = x + width
    if end + LABEL_ROOM <= 100:
        return format_html('<text x="{}%" dx="5" y="18">{}</text>', _n(end), label)
    if x >= LABEL_ROOM:
        return format_html('<text x="{}%" dx="-5" y="18" text-anchor="end">{}</text>', _n(x), label)
    return format_html('<text class="inside" x="{}%" dx="-5" y="18" text-anchor="end">{}</text>', _n(end), label)


def ruler(total_ms: float, *, words: Callable[[float], str]) -> SafeString:
    """Lines at round times, at most six of them."""
    marks = ticks(total_ms)
    return format_html(
        '<svg class="ruler" aria-hidden="true" focusable="false">{}</svg>',
        format_html_join(
            "",
            '<line class="grid-line" x1="{0}%" x2="{0}%" y1="0" y2="32"></line><text x="{0}%" dx="4" y="20">{1}</text>',
            ((_n(mark / total_ms * 100), words(mark) if mark else "0") for mark in marks),
        ),
    )


def ticks(total_ms: float, *, most: int = 5) -> list[float]:
    """Round times (1, 2 or 5 times a power of ten) from 0 up to, but not crowding, the end."""
    if total_ms <= 0:
        return []
    rough = total_ms / most
    power = 10 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    count = int(total_ms * 0.92 / step)
    return [round(step * position, 6) for position in range(count + 1)]


def _n(value: float) -> str:
    """A number for an attribute: never localised, no longer than it need be."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
