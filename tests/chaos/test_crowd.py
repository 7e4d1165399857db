"""Many at once on one server: nothing is lost or mixed, and what was taken is given back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from django.db import connection

from apps.workflows.models import Application, Message, Run
from tests.chaos.processes import OwnRedis, Web, web_process
from tests.workflows.conftest import CHAT
from tests.workflows.talking import WORDS, Item, asking, chat, eventually, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]
CROWD = 100


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path_factory.mktemp("crowd") / "redis")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def _lone_web(environment: dict[str, str], own_redis: OwnRedis) -> Iterator[Web]:
    with web_process(REDIS_URL=own_redis.url, **environment) as web:
        yield web


@pytest.fixture
def lone_web(transactional_db: None, _lone_web: Web) -> Web:
    """A web process that has its Redis for itself."""
    return _lone_web


def _all_at_once(web: Web, headers: dict[str, str]) -> list[list[Item]]:
    gate = threading.Barrier(CROWD)

    def talk(number: int) -> list[Item]:
        gate.wait()
        return chat(web.base, headers, query=f"Question number {number}?", user=f"user-{number}")

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(talk, range(CROWD)))


def test_a_hundred_readers_of_a_slow_provider_each_get_their_own_whole_answer(
    lone_web: Web, own_redis: OwnRedis, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    streams = _all_at_once(lone_web, headers)
    _each_has_its_own(streams)
    assert {text_of(frames) for frames in streams} == {" ".join(WORDS)}
    _everything_is_given_back(lone_web, own_redis)


def test_a_hundred_readers_of_the_demo_model_each_get_their_own_answer(
    lone_web: Web, own_redis: OwnRedis, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(CHAT))
    _each_has_its_own(_all_at_once(lone_web, headers))
    _everything_is_given_back(lone_web, own_redis)


def _each_has_its_own(streams: list[list[Item]]) -> None:
    assert Run.objects.filter(status="succeeded").count() == CROWD
    assert len({frames[0][1]["task_id"] for frames in streams}) == CROWD
    for number, frames in enumerate(streams):
        run_ids = {frame["task_id"] for _, frame in frames}
        assert len(run_ids) == 1
        message = Message.objects.select_related("run").get(run_id=run_ids.pop())
        assert (message.query, message.run.end_user) == (f"Question number {number}?", f"user-{number}")
        assert message.answer == text_of(frames)
        assert frames[-1][1]["data"]["status"] == "succeeded"


def _everything_is_given_back(web: Web, own_redis: OwnRedis) -> None:
    """No reader, no statement and no connection beyond the pool is left."""
    import redis

    def blocked() -> int:
        with redis.Redis.from_url(own_redis.url) as client:
            return int(client.info("clients")["blocked_clients"])  # type: ignore[index]

    eventually(lambda: blocked() == 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1")
        states = dict(cursor.fetchall())
    assert states.get("idle in transaction", 0) == 0
    assert sum(states.values()) <= 40
    assert httpx.get(f"{web.base}/health/live").status_code == 200


def test_memory_does_not_grow_with_the_number_of_runs(lone_web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app(CHAT))
    process = psutil.Process(lone_web.process.pid)

    def talk(turns: int) -> int:
        with ThreadPoolExecutor(8) as crowd:
            list(crowd.map(lambda number: chat(lone_web.base, headers, query=f"Question {number}"), range(turns)))
        return int(process.memory_info().rss)

    before = talk(100)
    grown = (talk(400) - before) / 2**20
    threads = process.num_threads()
    print(f"400 runs: {grown:+.1f} MB, {threads} threads, {process.num_fds()} descriptors")
    assert grown < 25
    assert threads < 80
    assert not Run.objects.exclude(status="succeeded").exists()
