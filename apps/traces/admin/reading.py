"""Reading one page of a list within bounds: rows, how many there are, what the filters offer, or what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from apps.traces.admin.asked import Asked
from apps.traces.admin.filters import Choices
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.selectors.choices import choices_for
from apps.traces.selectors.keyset import Page, counted
from apps.traces.selectors.lists import find
from apps.traces.selectors.paging import page_of

logger = logging.getLogger(__name__)
#: A count is worth less waiting than the rows.
COUNT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A page of rows, or the reason why there is none: `slow` or `down`."""

    page: Page
    total: int | None = None
    total_is_exact: bool = True
    offered: Mapping[str, Choices] = field(default_factory=dict)
    trouble: str = ""


def read(admin: Any, request: HttpRequest, asked: Asked) -> Answer:
    """What the question finds among the rows that the person may see."""
    question = asked.question
    offered: Mapping[str, Choices] = {}
    try:
        with bounded():
            team_ids = teams_seen(admin, request)
            offered = choices_for(team_ids=team_ids, during=question.during)
            within = admin.listed(request)
            found = find(question, within=within, team_ids=team_ids)
            page = page_of(
                question,
                within=within,
                team_ids=team_ids,
                cursor=asked.cursor,
                size=admin.list_per_page,
                found=found,
            )
    except TooSlow:
        return Answer(page=Page(rows=[]), offered=offered, trouble="slow")
    except (OperationalError, InterfaceError):
        logger.exception("the trace database does not answer")
        return Answer(page=Page(rows=[]), trouble="down")
    if page.is_whole:
        return Answer(page=page, total=len(page.rows), offered=offered)
    try:
        with bounded(COUNT_SECONDS):
            total, is_exact = counted(found.rows, is_many=found.is_many)
    except TooSlow:
        return Answer(page=page, offered=offered)
    return Answer(page=page, total=total, total_is_exact=is_exact, offered=offered)


def teams_seen(admin: Any, request: HttpRequest) -> list[Any] | None:
    """The teams whose rows the list shows; None for a superuser's, which shows all."""
    user: Any = request.user
    return None if user.is_superuser else admin._teams_for("view", request)
