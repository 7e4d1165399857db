"""The log of what datasets were asked: written with every search, forgotten after a while."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from apps.datasets.models import DatasetQuery
from apps.datasets.services.retrieve import Found

logger = logging.getLogger(__name__)

Source = Literal["test", "app", "api"]
MAX_QUERY = 2_000
_COUNT = """
    INSERT INTO datasets_chunkhit AS kept (team_id, chunk_id, document_id, count)
    SELECT %s, chunk, document, 1 FROM unnest(%s::uuid[], %s::uuid[]) AS found (chunk, document)
    ON CONFLICT (chunk_id) DO UPDATE SET count = kept.count + 1
"""


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
            if source != "test":
                _count_hits(found, team_id)
    except Error:
        logger.exception("a query could not be logged")


def _count_hits(found: Found, team_id: UUID) -> None:
    """Count every chunk that was found here; in one order, so that two searches never wait for each other in a ring."""
    hits: dict[UUID, UUID] = {}
    for hit in found.passages:
        if not hit.is_external:
            hits |= {UUID(key): UUID(hit.document_id) for key in (hit.chunk_id, *(c.chunk_id for c in hit.children))}
    if not hits:
        return
    keys = sorted(hits)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [team_id, keys, [hits[key] for key in keys]])


def forget_old_queries() -> int:
    """Delete what is older than `DATASET_QUERY_DAYS`; returns how many."""
    before = timezone.now() - dt.timedelta(days=settings.DATASET_QUERY_DAYS)
    deleted, _rows = DatasetQuery.objects.filter(created_at__lt=before).delete()
    return deleted
