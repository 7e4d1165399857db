"""Experiments by a real Celery worker, also one that is killed in the middle."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from apps.annotations import tasks
from apps.annotations.models import Evaluator, Experiment, GoldenSet, Result
from apps.annotations.selectors.measuring import figures_of
from apps.annotations.services.experiments import begin_experiment, stop_experiment
from apps.traces.models import Trace
from apps.workflows.models import Run
from tests.annotations.experiments.conftest import asking, publish, rows
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.server import ROOT

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Worker = subprocess.Popen[bytes]
ITEMS = 12
PATIENCE_S = 180.0


@pytest.fixture
def start_worker(
    transactional_db: None, provider_of_workers: OpenAIServer, tmp_path: Path
) -> Iterator[Callable[[], Worker]]:
    """Start a real Celery worker on the test's own database; what still runs at the end is killed."""
    running: list[Worker] = []
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    url = head.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")
    environment = os.environ | {
        "DATABASE_URL": url,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "SKEP_PROCESS": "worker",
        "SKEP_DATA_DIR": str(tmp_path / "data"),
    }
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        queue.delete("celery", "runs", "unacked", "unacked_index")  # what other tests left in the queue
    log = (tmp_path / "worker.log").open("ab")

    def start() -> Worker:
        command = [sys.executable, "-m", "celery", "-A", "console.celery", "worker", "--concurrency=1"]
        worker = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle", "--loglevel=INFO"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        running.append(worker)
        return worker

    yield start
    for worker in running:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    log.close()


def wait_for(reached: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def is_over(experiment: Experiment) -> bool:
    experiment.refresh_from_db()
    return experiment.is_over


def test_a_worker_killed_in_the_middle_costs_no_item_and_no_second_run(
    start_worker: Callable[[], Worker],
    team: Team,
    editor: User,
    golden: Callable[..., GoldenSet],
    evaluator: Callable[..., Evaluator],
    provider: OpenAIServer,
) -> None:
    provider.default = Completion("word " * 30 + "done", pause=0.02)
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    spring = golden(*[f"Question {number}" for number in range(ITEMS)])
    done = evaluator("contains", words=["done"])
    worker = start_worker()
    experiment = begin_experiment(spring, app=app.slug, version=None, evaluators=[done], by=editor, parallel=3)
    under_way = experiment.results.filter(status=Result.Status.RUNNING).exclude(run_id=None)
    finished = experiment.results.filter(status=Result.Status.DONE)
    wait_for(lambda: finished.count() >= 3 and under_way.exists(), what="the middle of the experiment")
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    before = {row.number: (row.run_id, row.answer, row.finished_at) for row in finished}
    begun = set(experiment.results.exclude(run_id=None).values_list("run_id", flat=True))
    assert len(begun) > len(before) >= 3
    assert not is_over(experiment)
    # The leases of the dead end.
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    Result.objects.filter(status=Result.Status.RUNNING).update(lease_until=long_ago)
    Run.objects.filter(status=Run.Status.RUNNING).update(lease_until=long_ago)
    Experiment.objects.update(beat_at=long_ago)
    assert tasks.go_on_with_experiments() == 1
    start_worker()
    wait_for(lambda: is_over(experiment), what="the end of the experiment")
    assert experiment.status == "completed"
    assert [(number, status) for number, status, _ in rows(experiment)] == [
        (number, "completed") for number in range(1, ITEMS + 1)
    ]
    after = {row.number: (row.run_id, row.answer, row.finished_at) for row in experiment.results.all()}
    assert {number: after[number] for number in before} == before
    # What was begun was seen to its end; nothing was begun twice, judged twice, or counted twice.
    assert begun <= {run_id for run_id, *_rest in after.values()}
    assert Run.objects.filter(application=app).count() == ITEMS
    assert experiment.scores.count() == ITEMS
    assert sum(experiment.results.values_list("calls", flat=True)) == experiment.calls
    (figure,) = figures_of(experiment)
    assert (figure.scored, figure.passed) == (ITEMS, ITEMS)
    run_ids = [run_id for run_id, *_rest in after.values()]
    wait_for(lambda: Trace.objects.filter(id__in=run_ids).count() == ITEMS, what="the traces of all items")


def test_stopping_reaches_a_worker_in_the_middle(
    start_worker: Callable[[], Worker],
    team: Team,
    editor: User,
    golden: Callable[..., GoldenSet],
    evaluator: Callable[..., Evaluator],
    provider: OpenAIServer,
) -> None:
    provider.default = Completion("word " * 3_000, pause=0.05)
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    start_worker()
    experiment = begin_experiment(
        golden("One", "Two", "Three"), app=app.slug, version=None, evaluators=[evaluator()], by=editor, parallel=2
    )
    runs = Run.objects.filter(application=app)
    wait_for(lambda: runs.count() == 2, what="the first two items")
    stop_experiment(experiment, by=editor)
    wait_for(lambda: set(runs.values_list("status", flat=True)) == {"stopped"}, what="the end of both runs")
    assert {status for _, status, _ in rows(experiment)} == {"left-out"}
    assert (experiment.results.exclude(run_id=None).count(), experiment.scores.count()) == (2, 0)
    assert is_over(experiment)
