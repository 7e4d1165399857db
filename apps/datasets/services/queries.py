"""The log of what datasets were asked: written with every search, forgotten after a while."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import Error, transaction
from django.utils import timezone

from apps.datasets.models import DatasetQuery
from apps.datasets.services.retrieve import Found

logger = logging.getLogger(__name__)

Source = Literal["test", "app", "api"]
MAX_QUERY = 2_000


def log_query(found: Found, *, query: str, team_id: UUID, source: Source, by: Any = None) -> None:
    """Note a search for each of its datasets. A log that cannot be written never fails the search."""
    best: dict[str, float] = {}
    counts: dict[str, int] = {}
    for hit in found.passages:
        counts[hit.dataset_id] = counts.get(hit.dataset_id, 0) + 1
        similar = hit.scores.get("rerank", hit.scores.get("vector"))
        if similar is not None:
            best[hit.dataset_id] = max(similar, best.get(hit.dataset_id, 0.0))
    rows = [
        DatasetQuery(
            team_id=team_id,
            dataset_id=dataset_id,
            source=source,
            query=query[:MAX_QUERY].replace("\x00", ""),
            method=found.method,
            passages=counts.get(str(dataset_id), 0),
            best=best.get(str(dataset_id)),
            elapsed_ms=round(found.elapsed_ms, 1),
            created_by=by,
        )
        for dataset_id in found.dataset_ids
    ]
    try:
        with transaction.atomic():
            DatasetQuery.objects.bulk_create(rows)
    except Error:
        logger.exception("a query could not be logged")


def forget_old_queries() -> int:
    """Delete what is older than `DATASET_QUERY_DAYS`; returns how many."""
    before = timezone.now() - dt.timedelta(days=settings.DATASET_QUERY_DAYS)
    deleted, _rows = DatasetQuery.objects.filter(created_at__lt=before).delete()
    return deleted
