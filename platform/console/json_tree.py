"""Draws any JSON value as a foldable tree of <details>: no script, everything escaped, long things collapsed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

LONG_TEXT = 240
MANY_ITEMS = 200
PREVIEW = 64
#: Deeper than this the rest is shown as text: nobody unfolds further, and recursion must end.
MAX_DEPTH = 40


def render(value: Any, *, open_to: int = 2) -> SafeString:
    """The tree of `value` with the first `open_to` levels unfolded."""
    return format_html('<div class="json">{}</div>', _node(value, key=mark_safe(""), level=0, open_to=open_to))


def _node(value: Any, *, key: SafeString, level: int, open_to: int) -> SafeString:
    if isinstance(value, Mapping | list | tuple) and level >= MAX_DEPTH:
        return _node(json.dumps(value, ensure_ascii=False, default=str), key=key, level=level, open_to=open_to)
    if isinstance(value, Mapping):
        if not value:
            return format_html("{}{{}}", key)
        pairs = [(_key(str(name)), item) for name, item in value.items()]
        counted = ngettext("%(n)s key", "%(n)s keys", len(pairs)) % {"n": f"{len(pairs):,}"}
        return _branch(pairs, key=key, brackets="{}", counted=counted, level=level, open_to=open_to)
    if isinstance(value, list | tuple):
        if not value:
            return format_html("{}[]", key)
        pairs = [(_key(str(position)), item) for position, item in enumerate(value)]
        counted = ngettext("%(n)s item", "%(n)s items", len(pairs)) % {"n": f"{len(pairs):,}"}
        return _branch(pairs, key=key, brackets="[]", counted=counted, level=level, open_to=open_to)
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return _long_text(value, key=key)
    return format_html("{}{}", key, _leaf(value))


def _branch(
    pairs: Sequence[tuple[SafeString, Any]],
    *,
    key: SafeString,
    brackets: str,
    counted: str,
    level: int,
    open_to: int,
) -> SafeString:
    shown = pairs[:MANY_ITEMS]
    items = format_html_join(
        "",
        "<li>{}</li>",
        ((_node(item, key=name, level=level + 1, open_to=open_to),) for name, item in shown),
    )
    hidden = len(pairs) - len(shown)
    more = format_html('<li class="json-more">{}</li>', _more(hidden)) if hidden else mark_safe("")
    return format_html(
        '<details{}><summary>{}<span class="json-count">{} {}</span></summary><ul>{}{}</ul></details>',
        mark_safe(" open") if level < open_to else "",
        key,
        brackets,
        counted,
        items,
        more,
    )


def _long_text(value: str, *, key: SafeString) -> SafeString:
    counted = ngettext("%(n)s character", "%(n)s characters", len(value)) % {"n": f"{len(value):,}"}
    return format_html(
        '<details><summary>{}<span class="json-string json-preview">"{}…</span> <span class="json-count">{}</span>'
        '</summary><span class="json-string">{}</span></details>',
        key,
        value[:PREVIEW].replace("\n", " "),
        counted,
        value,
    )


def _leaf(value: Any) -> SafeString:
    if value is None or isinstance(value, bool):
        return format_html('<span class="json-word">{}</span>', json.dumps(value))
    if isinstance(value, int | float):
        return format_html('<span class="json-number">{}</span>', str(value))
    if isinstance(value, str):
        return format_html('<span class="json-string">{}</span>', json.dumps(value, ensure_ascii=False))
    return format_html('<span class="json-string">{}</span>', str(value))


def _key(name: str) -> SafeString:
    return format_html('<span class="json-key">{}</span>', name)


def _more(hidden: int) -> str:
    return gettext("and %(n)s more") % {"n": f"{hidden:,}"}
