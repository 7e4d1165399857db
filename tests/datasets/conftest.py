"""Teams, files and real workers for the tests of datasets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection

from accounts.models import Membership, Role, Team, User
from apps.datasets.models import Dataset
from apps.datasets.services.datasets import create_dataset

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    """Files of one test are not seen by another."""
    settings.MEDIA_ROOT = tmp_path / "data" / "files"
    return settings.MEDIA_ROOT


@pytest.fixture
def team(db) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def other_team(db) -> Team:
    return Team.objects.create(slug="wasps", name="Wasps")


@pytest.fixture
def editor(team) -> User:
    user = User.objects.create_user(username="editor", password="secret")
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def dataset(team) -> Dataset:
    return create_dataset(team_id=team.id, name="Handbook")


@pytest.fixture
def start_worker(transactional_db, tmp_path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a real Celery worker on the test's own database; what still runs at the end is stopped."""
    running: list[subprocess.Popen[bytes]] = []
    log = (tmp_path / "worker.log").open("ab")
    name = connection.settings_dict["NAME"]
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    url = head.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")
    environment = os.environ | {
        "DATABASE_URL": url,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "SKEP_PROCESS": "worker",
        "SKEP_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
    }

    with redis.Redis.from_url(django_settings.REDIS_URL) as queue:
        queue.delete("celery", "runs", "unacked", "unacked_index")  # what other tests left in the queue

    def start() -> subprocess.Popen[bytes]:
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
