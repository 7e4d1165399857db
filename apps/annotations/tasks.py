"""Background work of annotations."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.annotations.services import (
    calibrations,
    correction_settings,
    embedding_jobs,
    experiment_claims,
    experiment_turns,
    experiments,
    import_jobs,
    importing_answers,
    moving,
    online,
    training_files,
    training_versions,
)
from apps.annotations.services.feeding import feed_continuously
from apps.annotations.services.indexing import index_large_stores
from support.jobs import enqueue


@shared_task(name=moving.TASK)
def embed_answers(job_id: str) -> bool:
    """Embed an app's answers for one turn and hand the rest on; whether there is a rest."""
    more = embedding_jobs.embed_answers(UUID(job_id))
    if more:
        enqueue(moving.TASK, job_id)
    return more


@shared_task(name="annotations.go_on_with_answers", ignore_result=True)
def go_on_with_answers() -> int:
    """Every minute: no embedding and no import of answers stays behind with a worker that died."""
    return embedding_jobs.go_on_with_embedding() + importing_answers.go_on_with_imports()


@shared_task(name="annotations.forget_old_vectors", ignore_result=True)
def forget_old_vectors() -> int:
    """Every hour: what was searched before an app's answers moved is emptied."""
    return embedding_jobs.forget_old_vectors()


@shared_task(name=importing_answers.TASK)
def import_answers(import_id: str) -> bool:
    """Work on a file of answers for one turn and hand the rest on; whether there is a rest."""
    more = import_jobs.work_on_import(UUID(import_id))
    if more:
        enqueue(importing_answers.TASK, import_id)
    return more


@shared_task(name="annotations.forget_import_files", ignore_result=True)
def forget_import_files() -> int:
    """Every hour: files of answers are deleted when their time is over."""
    return importing_answers.forget_import_files()


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


# Items under way at the end of a turn are finished, and one may take an hour.
@shared_task(name=experiments.TASK, soft_time_limit=2 * 3_600, time_limit=2 * 3_600 + 60, ignore_result=True)
def work_on_experiment(experiment_id: str) -> bool:
    """Ask and judge items for one turn and hand the rest on; whether there is a rest."""
    more = experiment_turns.work_on_experiment(UUID(experiment_id))
    if more:
        enqueue(experiments.TASK, experiment_id)
    return more


@shared_task(name="annotations.go_on_with_experiments", ignore_result=True)
def go_on_with_experiments() -> int:
    """Every 30 seconds: no experiment stays behind with a worker that died."""
    return experiment_claims.go_on_with_experiments()


@shared_task(name="annotations.feed_queues")
def feed_queues() -> int:
    """Fill review queues with the errors, costs, samples and views of what was recorded since the last time."""
    return feed_continuously()


@shared_task(name=correction_settings.TASK)
def bring_corrections_in_line(application_id: str, by_id: str, after: str) -> bool:
    """Work on a batch of approved corrections after an app's switches were changed; whether there is a rest."""
    last = correction_settings.bring_in_line(
        UUID(application_id), by_id=UUID(by_id), after=UUID(after) if after else None
    )
    if last is not None:
        enqueue(correction_settings.TASK, application_id, by_id, str(last))
    return last is not None


# A judge may take its time, and a turn asks it many times.
@shared_task(name=online.TASK, soft_time_limit=900, time_limit=960, ignore_result=True)
def evaluate_online(online_id: str) -> bool:
    """Judge sampled answers of live traffic for one turn and hand the rest on; whether there is a rest."""
    more = online.evaluate_online(UUID(online_id))
    if more:
        enqueue(online.TASK, online_id)
    return more


@shared_task(name="annotations.begin_online", ignore_result=True)
def begin_online() -> int:
    """Every 30 seconds: see to what is judged as it comes."""
    return online.begin_online()


@shared_task(name=calibrations.TASK, soft_time_limit=900, time_limit=960, ignore_result=True)
def calibrate(calibration_id: str) -> bool:
    """Judge what people have judged for one turn and hand the rest on; whether there is a rest."""
    more = calibrations.calibrate(UUID(calibration_id))
    if more:
        enqueue(calibrations.TASK, calibration_id)
    return more


@shared_task(name="annotations.go_on_with_calibrations", ignore_result=True)
def go_on_with_calibrations() -> int:
    """Every minute: no calibration stays behind with a worker that died."""
    return calibrations.go_on_with_calibrations()
