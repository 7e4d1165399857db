"""Redis or PostgreSQL go away and come back in the middle of an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.db import connection, connections

from apps.traces.models import Trace
from apps.workflows.models import Application, Message, Run
from apps.workflows.selectors.events import stored_events
from tests.chaos.processes import OwnRedis, Web, web_process
from tests.workflows.talking import WORDS, Item, asking, ended, eventually, rest_of, streaming, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]
ANSWER = " ".join(WORDS)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path / "redis")
    server.start()
    try:
        yield server
    finally:
        server.kill()


def test_without_redis_runs_go_on_and_readers_get_everything_once(
    environment: dict[str, str], own_redis: OwnRedis, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(REDIS_URL=own_redis.url, **environment) as web:
        frames = []
        with streaming(web.base, headers) as events:
            frames += [next(events) for _ in range(12)]
            own_redis.kill()
            frames += [next(events) for _ in range(10)]
            own_redis.start()  # empty
            frames += list(events)
        _is_whole(web, headers, frames)

        with streaming(web.base, headers) as events:
            frames = [next(events) for _ in range(12)]
            assert own_redis.process is not None
            hanging = psutil.Process(own_redis.process.pid)
            hanging.suspend()
            try:
                ended(frames[0][1]["task_id"], within=6)
                frames += list(events)
            finally:
                hanging.resume()
        _is_whole(web, headers, frames)

        with streaming(web.base, headers) as events:
            frames = [next(events) for _ in range(12)]
            own_redis.kill()
            frames += list(events)
        _is_whole(web, headers, frames)
        with streaming(web.base, headers) as events:  # from the first word on without
            frames = list(events)
        _is_whole(web, headers, frames)


def _is_whole(web: Web, headers: dict[str, str], frames: list[Item]) -> None:
    run = ended(frames[0][1]["task_id"])
    assert run.status == "succeeded"
    assert text_of(frames) == ANSWER == Message.objects.get(run=run).answer
    assert rest_of(web.base, headers, str(run.id)) == frames
    assert rest_of(web.base, headers, str(run.id), after=frames[9][0]) == frames[10:]


class _Outage:
    """The database as its clients see a restart: connections break, new ones are refused for a while."""

    def __init__(self) -> None:
        self._name = connection.settings_dict["NAME"]
        values = connection.get_connection_params()
        self._login = {key: values[key] for key in ("user", "password", "host", "port") if values.get(key)}

    def last(self, seconds: float) -> None:
        """Break all connections and let nobody in for so long; call it on a thread of its own."""
        with psycopg.connect(**self._login, dbname="postgres", autocommit=True) as maintenance:
            maintenance.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
            until = time.monotonic() + seconds
            try:
                while time.monotonic() < until:
                    maintenance.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
                    )
                    time.sleep(0.1)
            finally:
                maintenance.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


@pytest.mark.parametrize(("pieces", "seconds"), [(5, 1.0), (5, 5.0), (50, 1.5)], ids=["short", "long", "at the end"])
def test_a_restart_of_postgresql_loses_nothing_of_a_running_answer(
    survivor: Web, make_app: MakeApp, key_of: KeyOf, pieces: int, seconds: float
) -> None:
    headers = key_of(make_app(asking()))
    with streaming(survivor.base, headers) as events:
        frames = [next(events) for _ in range(pieces + 5)]
        connections.close_all()  # those of the test itself
        outage = threading.Thread(target=_Outage().last, args=(seconds,))
        outage.start()
        frames += list(events)
        outage.join()
    run = ended(frames[0][1]["task_id"])
    seqs = [seq for seq, _ in stored_events(run.id)]
    assert seqs == list(range(1, len(seqs) + 1))
    _is_whole(survivor, headers, frames)
    eventually(lambda: Trace.objects.filter(run_id=run.id).exists())
    with streaming(survivor.base, headers) as events:
        assert text_of(list(events)) == ANSWER
    assert not Run.objects.filter(status="running").exists()
