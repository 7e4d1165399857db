"""Background work of annotations."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.annotations import services
from apps.annotations.services import training_files, training_versions
from apps.annotations.services.feeding import feed_continuously
from apps.annotations.services.indexing import index_large_stores
from model_runtime.errors import ModelError
from support.jobs import enqueue


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


@shared_task(name=training_versions.TASK)
def fill_training_version(version_id: str) -> bool:
    """Read examples for one turn and hand the rest on; whether there is a rest."""
    more = training_versions.fill_version(UUID(version_id))
    if more:
        enqueue(training_versions.TASK, version_id)
    return more


# A file is written whole, so that its bytes are one pass over the examples: longer than other jobs may take.
@shared_task(name=training_files.TASK, soft_time_limit=1_800, time_limit=1_860)
def write_training_file(export_id: str) -> bool:
    """Write a file of a fine-tune set; whether there is one."""
    return training_files.write_file(UUID(export_id))


@shared_task(name="annotations.go_on_with_training", ignore_result=True)
def go_on_with_training() -> int:
    """Every minute: no version and no file stays behind with a worker that died."""
    return training_versions.go_on_with_versions() + training_files.go_on_with_files()


@shared_task(name="annotations.forget_training_files", ignore_result=True)
def forget_training_files() -> int:
    """Every hour: files are deleted when their time is over."""
    return training_files.forget_files()


@shared_task(name="annotations.feed_queues")
def feed_queues() -> int:
    """Fill review queues with the errors, costs, samples and views of what was recorded since the last time."""
    return feed_continuously()
