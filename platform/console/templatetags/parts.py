"""Template tags that draw the small parts: icons, pills, relative times, durations, numbers, JSON trees, diffs.

A builtin of every template (see TEMPLATES in the settings), so pages need no `{% load %}`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import support.money
from console import json_tree as tree
from console import text_diff, waterfall
from console.icons import icon_names

register = template.Library()

SPRITE = "vendor/lucide/sprite.svg"

#: Every status word the product uses -> (tone, icon, what people read). Unknown ones are neutral and shown as they are.
STATUSES: dict[str, tuple[str, str, str | Promise]] = {
    "succeeded": ("success", "circle-check", _("Succeeded")),
    "completed": ("success", "circle-check", _("Completed")),
    "success": ("success", "circle-check", _("Succeeded")),
    "ok": ("success", "circle-check", _("OK")),
    "ready": ("success", "circle-check", _("Ready")),
    "indexed": ("success", "circle-check", _("Indexed")),
    "active": ("success", "circle-check", _("Active")),
    "enabled": ("success", "circle-check", _("Enabled")),
    "published": ("success", "rocket", _("Published")),
    "approved": ("success", "badge-check", _("Approved")),
    "running": ("running", "loader-circle", _("Running")),
    "started": ("running", "loader-circle", _("Running")),
    "indexing": ("running", "loader-circle", _("Indexing")),
    "processing": ("running", "loader-circle", _("Processing")),
    "streaming": ("running", "loader-circle", _("Streaming")),
    "waiting": ("warning", "hourglass", _("Waiting")),
    "paused": ("warning", "pause", _("Paused")),
    "partial": ("warning", "triangle-alert", _("Partial")),
    "partial-succeeded": ("warning", "triangle-alert", _("Partly succeeded")),
    "warning": ("warning", "triangle-alert", _("Warning")),
    "expired": ("warning", "clock", _("Expired")),
    "failed": ("error", "circle-x", _("Failed")),
    "error": ("error", "circle-x", _("Error")),
    "failure": ("error", "circle-x", _("Failed")),
    "timeout": ("error", "timer", _("Timed out")),
    "timed_out": ("error", "timer", _("Timed out")),
    "refused": ("error", "ban", _("Refused")),
    "revoked": ("error", "ban", _("Revoked")),
    "queued": ("neutral", "clock", _("Queued")),
    "pending": ("neutral", "clock", _("Pending")),
    "draft": ("neutral", "circle-dashed", _("Draft")),
    "stopped": ("neutral", "circle-stop", _("Stopped")),
    "cancelled": ("neutral", "circle-stop", _("Cancelled")),
    "skipped": ("neutral", "skip-forward", _("Skipped")),
    "archived": ("neutral", "inbox", _("Archived")),
    "disabled": ("neutral", "pause", _("Disabled")),
}

#: Node type or span kind -> (hue class, icon).
KINDS: dict[str, tuple[str, str]] = {
    "start": ("start", "circle-play"),
    "trigger-webhook": ("start", "webhook"),
    "trigger-schedule": ("start", "calendar"),
    "run": ("start", "circle-play"),
    "chat": ("start", "message-square"),
    "llm": ("llm", "sparkles"),
    "generation": ("llm", "sparkles"),
    "embedding": ("retrieval", "hash"),
    "knowledge-retrieval": ("retrieval", "book-open"),
    "retrieval": ("retrieval", "book-open"),
    "rerank": ("retrieval", "list-ordered"),
    "reranker": ("retrieval", "list-ordered"),
    "chain": ("template", "link"),
    "guardrail": ("branch", "shield-check"),
    "evaluator": ("aggregate", "scale"),
    "event": ("start", "zap"),
    "if-else": ("branch", "split"),
    "branch": ("branch", "split"),
    "question-classifier": ("branch", "route"),
    "variable-aggregator": ("aggregate", "merge"),
    "variable-assigner": ("aggregate", "variable"),
    "assigner": ("aggregate", "variable"),
    "list-operator": ("aggregate", "list-filter"),
    "aggregate": ("aggregate", "merge"),
    "human": ("human", "user-round"),
    "unavailable": ("template", "circle-dashed"),
    "other": ("template", "circle-dot"),
    "answer": ("answer", "message-square-text"),
    "annotation": ("answer", "pen-line"),
    "code": ("code", "code"),
    "template-transform": ("template", "braces"),
    "template": ("template", "braces"),
    "parameter-extractor": ("template", "text-cursor-input"),
    "document-extractor": ("template", "file-text"),
    "http-request": ("http", "globe"),
    "http": ("http", "globe"),
    "tool": ("tool", "wrench"),
    "iteration": ("loop", "repeat"),
    "loop": ("loop", "iteration-cw"),
    "loop-end": ("loop", "log-out"),
    "agent": ("agent", "bot"),
    "thought": ("agent", "brain"),
    "human-input": ("human", "user-round"),
    "end": ("end", "flag"),
}


@register.simple_tag
def icon(name: str, label: str = "", size: str = "") -> SafeString:
    """An icon of the sprite: silent beside a word, named by `label` when it stands alone. `size`: small or large."""
    if name not in icon_names():
        if settings.DEBUG:
            raise template.TemplateSyntaxError(f"{name!r} is not in {SPRITE}; add it to icons.txt beside it.")
        name = "circle"
    if not label:
        return _silent_icon(name, size)
    return _drawn(name, format_html('role="img" aria-label="{}"', label), size)


@lru_cache(maxsize=1_000)
def _silent_icon(name: str, size: str) -> SafeString:
    """Icons without words are the same on every page, and a list draws hundreds."""
    return _drawn(name, mark_safe('aria-hidden="true"'), size)


def _drawn(name: str, meaning: SafeString, size: str) -> SafeString:
    extra = f" icon-{size}" if size else ""
    return format_html(
        '<svg class="icon icon-{}{}" {} focusable="false"><use href="{}#{}"></use></svg>',
        name,
        extra,
        meaning,
        static(SPRITE),
        name,
    )


@register.simple_tag
def sprite_url() -> str:
    """The address of the icon sprite, for scripts."""
    return static(SPRITE)


@register.simple_tag
def pill(status: Any, label: str = "", tone: str = "", icon_name: str = "") -> SafeString:
    """A status as icon and word. A known status brings tone, icon and word; each can be said otherwise."""
    key = str(getattr(status, "value", status) or "").lower()
    known_tone, known_icon, known_label = STATUSES.get(
        key, ("neutral", "circle-dot", key.replace("_", " ").capitalize())
    )
    return format_html(
        '<span class="pill tone-{}">{}{}</span>',
        tone or known_tone,
        icon(icon_name or known_icon),
        label or known_label,
    )


@register.simple_tag
def kind_icon(kind: Any, size: str = "") -> SafeString:
    """The icon of a node type or span kind in its hue."""
    hue, name = KINDS.get(str(getattr(kind, "value", kind)), ("start", "hexagon"))
    return format_html('<span class="kind-icon kind-{}">{}</span>', hue, icon(name, "", size))


@register.filter
def kind_class(kind: Any) -> str:
    """The hue class of a node type or span kind: `kind-llm`."""
    return "kind-" + KINDS.get(str(getattr(kind, "value", kind)), ("start", ""))[0]


@register.filter
def ago(moment: dt.datetime | None) -> SafeString | str:
    """A time as distance ("3 min ago") with the exact one on hover; relative-time.js keeps it true."""
    if moment is None:
        return "–"
    exact = formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>', moment.isoformat(), exact, _distance(moment)
    )


def _distance(moment: dt.datetime) -> str:
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 0:
        return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
    if seconds < 45:
        return gettext("just now")
    for size, limit, words in (
        (60, 3600, gettext("%(n)s min ago")),
        (3600, 86400, gettext("%(n)s h ago")),
        (86400, 86400 * 30, gettext("%(n)s d ago")),
    ):
        if seconds < limit:
            return words % {"n": max(1, round(seconds / size))}
    return formats.date_format(timezone.localtime(moment), "DATE_FORMAT")


@register.filter
def duration(value: float | Decimal | dt.timedelta | str | None) -> str:
    """Seconds (or a timedelta) as people read them: 420 ms, 1.84 s, 2 min 5 s."""
    if value is None or value == "":
        return "–"
    seconds = value.total_seconds() if isinstance(value, dt.timedelta) else float(value)
    if seconds < 0.0095:
        return gettext("%(n)s ms") % {"n": formats.number_format(round(seconds * 1000, 1), 1)}
    if seconds < 1:
        return gettext("%(n)s ms") % {"n": round(seconds * 1000)}
    if seconds < 60:
        return gettext("%(n)s s") % {"n": formats.number_format(round(seconds, 2), 2 if seconds < 10 else 1)}
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return gettext("%(m)s min %(s)s s") % {"m": minutes, "s": rest}
    hours, minutes = divmod(minutes, 60)
    return gettext("%(h)s h %(m)s min") % {"h": hours, "m": minutes}


@register.filter
def duration_ms(value: float | str | None) -> str:
    """The same, from milliseconds."""
    return duration(None if value is None or value == "" else float(value) / 1000)


@register.filter
def count(value: float | str | None) -> str:
    """A whole number with thousands separated: 12,300."""
    return "–" if value is None or value == "" else f"{int(value):,}"


@register.filter
def money(value: Decimal | float | str | None, currency: str = "USD") -> str:
    """A cost, precise where it is small: $0.00042, $12.30."""
    return support.money.in_words(value, currency)


@register.filter
def file_size(value: float | str | None) -> str:
    """Bytes as people read them: 940 B, 12.4 KB, 3.1 MB."""
    if value is None or value == "":
        return "–"
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


@register.simple_tag
def waterfall_bar(begin: float, length: float, total: float, label: str = "", wait: float = 0) -> SafeString:
    """One row of a waterfall as SVG: where it began and how long it took, of `total`, all in one unit.

    `wait` (until the first token) is drawn pale at the front. The label stands where it can be read.
    """
    return waterfall.bar(begin=begin, length=length, total=total, label=label, wait=wait)


@register.simple_tag
def waterfall_ruler(total_ms: float) -> SafeString:
    """The scale above a waterfall: round times across `total_ms`."""
    return waterfall.ruler(total_ms, words=duration_ms)


@register.simple_tag
def json_tree(value: Any, depth: int = 2) -> SafeString:
    """A value as a foldable tree, `depth` levels open; long texts are collapsed with their length. All escaped."""
    return tree.render(value, open_to=depth)


@register.simple_tag
def diff(before: str, after: str) -> SafeString:
    """Two texts as one, with what went in <del> and what came in <ins>."""
    return format_html(
        '<div class="diff">{}</div>',
        format_html_join("", "{}", ((part,) for part in text_diff.marked(before or "", after or ""))),
    )


@register.filter
def initials(name: str) -> str:
    """One or two letters for an avatar."""
    words = str(name).replace("_", " ").replace(".", " ").split()
    return "".join(word[0] for word in words[:2]) or "?"
