"""Reading the log of what datasets were asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Avg, Count, Q, QuerySet
from django.utils import timezone

from apps.datasets.models import Dataset, DatasetQuery

DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFigures:
    """The last week of a dataset's questions."""

    total: int
    found_nothing: int
    average_ms: float


def queries_of(
    dataset: Dataset, *, text: str = "", source: str = "", found_nothing: bool = False
) -> QuerySet[DatasetQuery]:
    """What a dataset was asked, newest first."""
    found = DatasetQuery.objects.filter(dataset=dataset).select_related("created_by").order_by("-id")
    if text:
        found = found.filter(query__icontains=text.replace("\x00", ""))
    if source in DatasetQuery.Source.values:
        found = found.filter(source=source)
    return found.filter(passages=0) if found_nothing else found


def figures_of(dataset: Dataset) -> QueryFigures:
    """How many questions the last days brought, how many found nothing, and how long they took."""
    since = timezone.now() - dt.timedelta(days=DAYS)
    row = DatasetQuery.objects.filter(dataset=dataset, created_at__gte=since).aggregate(
        total=Count("id"), nothing=Count("id", filter=Q(passages=0)), average=Avg("elapsed_ms")
    )
    return QueryFigures(total=row["total"], found_nothing=row["nothing"], average_ms=row["average"] or 0.0)
