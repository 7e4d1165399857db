"""Template tags of the admin theme: paging by addresses instead of a row of numbers."""

from __future__ import annotations

from django import template
from django.contrib.admin.views.main import PAGE_VAR, ChangeList

register = template.Library()


@register.simple_tag
def page_url(cl: ChangeList, step: int) -> str:
    """The address of the page `step` further on, empty where there is none."""
    page = cl.page_num + step
    return cl.get_query_string({PAGE_VAR: page}) if 1 <= page <= cl.paginator.num_pages else ""


@register.filter
def first_shown(cl: ChangeList) -> int:
    """The position of the first row on this page."""
    return (cl.page_num - 1) * cl.list_per_page + 1


@register.filter
def last_shown(cl: ChangeList) -> int:
    """The position of the last row on this page."""
    return min(cl.page_num * cl.list_per_page, cl.result_count)
