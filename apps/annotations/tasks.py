"""Background work of annotations."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.annotations import services
from apps.annotations.services.indexing import index_large_stores
from model_runtime.errors import ModelError


@shared_task(
    name="annotations.reembed",
    autoretry_for=(ModelError,),
    retry_backoff=10,
    retry_backoff_max=600,
    max_retries=8,
)
def reembed(application_id: str, model: str) -> int:
    """Move an app's annotations and examples into the space of the embedding model."""
    return services.reembed(UUID(application_id), model=model)


@shared_task(name="annotations.index_large_stores")
def index_large() -> list[str]:
    """Give apps with very many annotations an index of their own."""
    return index_large_stores()
