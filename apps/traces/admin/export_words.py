"""An export as its pages tell of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from apps.traces.admin.asked_in_words import filters_in_words, range_of
from apps.traces.models.export import TraceExport
from apps.traces.models.saved_view import Listed

_LISTS = {Listed.TRACES: "trace", Listed.SPANS: "span", Listed.THOUGHTS: "agentthought"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldExport:
    """What a page says about one export."""

    job: TraceExport
    title: str
    #: Name and value of each filter.
    filters: list[tuple[str, str]]
    #: From when to when.
    during: tuple[dt.datetime, dt.datetime]
    size: str
    #: The list that shows the same rows.
    list_url: str

    @property
    def is_ready(self) -> bool:
        """Whether there is a file."""
        return self.job.status == TraceExport.Status.DONE and bool(self.job.path)


def told(job: TraceExport) -> ToldExport:
    """The words for an export."""
    question: dict[str, Any] = job.question
    filters = filters_in_words(question)
    address = QueryDict(mutable=True)
    address.update({"from": question["from"], "to": question["to"], **question["filters"]})
    if question["q"]:
        address["q"] = question["q"]
    return ToldExport(
        job=job,
        title=job.file_name,
        filters=filters,
        during=range_of(question),
        size=filesizeformat(job.size),
        list_url=f"{reverse(f'admin:traces_{_LISTS[Listed(job.table)]}_changelist')}?{address.urlencode()}",
    )
