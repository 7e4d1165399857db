"""What stands around the rows of a list: range, chips, order, columns, pages, and where each of them leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from apps.traces.admin.asked import EVERYTHING, VIEW, Asked
from apps.traces.admin.columns import COLUMNS, Column
from apps.traces.admin.filters import CURSOR, ORDER_WORDS, PRESET_WORDS, Option, address, kept
from apps.traces.admin.reading import Answer
from apps.traces.models.export import TraceExport
from apps.traces.models.saved_view import Listed
from apps.traces.selectors.conditions import CONDITIONS
from apps.traces.selectors.lists import ORDERS, SEARCH, SORT
from apps.traces.selectors.time_range import FROM, PRESETS, SINCE, TO


def controls(admin: Any, asked: Asked, answer: Answer, columns: Sequence[Column]) -> dict[str, Any]:
    """The part of the page's context that is not rows."""
    return {
        **_narrowing(admin, asked, answer),
        **_ranges(asked),
        **_arrangement(admin, asked, columns),
        **_pages(asked, answer),
        **_requests(admin, asked),
    }


def _narrowing(admin: Any, asked: Asked, answer: Answer) -> dict[str, Any]:
    parameters, filters = asked.parameters, asked.question.filters
    return {
        "chips": [
            each.chip(parameters, value=filters.get(each.name, ""), offered=answer.offered) for each in admin.filters
        ],
        "search_kept": kept(parameters, without=(SEARCH,)),
        "is_filtered": bool(filters or asked.question.text),
        "clear_url": address(parameters, **dict.fromkeys((*CONDITIONS[admin.table], SEARCH), "")),
    }


def _ranges(asked: Asked) -> dict[str, Any]:
    during, parameters = asked.question.during, asked.parameters

    def option(name: str) -> Option:
        return Option(label=PRESET_WORDS[name], url=_since(parameters, name), current=name == during.preset)

    return {
        "ranges": [option(name) for name in PRESETS],
        "narrower": [option(name) for name in during.narrower()[:3]],
        "range_words": PRESET_WORDS.get(during.preset, ""),
        "range_kept": kept(parameters, without=(SINCE, FROM, TO)),
        "longer_url": _since(parameters, "90d") if during.length < PRESETS["90d"] else "",
    }


def _arrangement(admin: Any, asked: Asked, columns: Sequence[Column]) -> dict[str, Any]:
    """Order and columns."""
    parameters, shown = asked.parameters, {column.name for column in columns}
    return {
        "orders": [
            Option(
                label=ORDER_WORDS[name],
                url=address(parameters, **{SORT: "" if name == "newest" else name}),
                current=name == asked.question.order,
            )
            for name in ORDERS[admin.table]
        ],
        "order_words": ORDER_WORDS[asked.question.order],
        "newest_url": address(parameters, **{SORT: ""}),
        "all_columns": [(each, each.name in shown) for each in admin.columns],
        "columns_kept": kept(parameters, without=(COLUMNS,)),
        "usual_columns_url": address(parameters, **{COLUMNS: ""}),
    }


def _pages(asked: Asked, answer: Answer) -> dict[str, Any]:
    return {
        "newer": _page(asked.parameters, answer.page.newer),
        "older": _page(asked.parameters, answer.page.older),
        "first_url": address(asked.parameters),
        "rough_total": _rough(answer.total or 0),
        "seconds": f"{settings.TRACE_LIST_SECONDS:g}",
    }


def _requests(admin: Any, asked: Asked) -> dict[str, Any]:
    """Where views and exports are asked for."""
    default_id = asked.views.default_id
    return {
        "views_url": admin.url_of("views"),
        "view_url": admin.url_of("view", asked.view.id) if asked.view else "",
        "default_view_url": admin.url_of("view", default_id) if default_id else "",
        "everything_url": f"?{VIEW}={EVERYTHING}" if default_id else "?",
        "export_url": admin.url_of("export"),
        "exports_url": reverse("admin:traces_traceexport_changelist"),
        "formats": TraceExport.Format.choices,
        "change_url": admin.url_of("change_all") if admin.table == Listed.TRACES else "",
        "has_payloads": admin.table != Listed.THOUGHTS,
    }


def _since(parameters: QueryDict, name: str) -> str:
    return address(parameters, **{SINCE: name, FROM: "", TO: ""})


def _page(parameters: QueryDict, cursor: str) -> str:
    if not cursor:
        return ""
    changed = parameters.copy()
    changed[CURSOR] = cursor
    return "?" + changed.urlencode()


def _rough(number: int) -> int:
    """Two digits of an estimate: more would look like knowledge."""
    size: int = 10 ** max(0, len(str(number)) - 2)
    return round(number / size) * size
