"""The embedded servers as they are: the session's own PostgreSQL and Redis, and ones started here."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from console.embedded import ports, postgres, redis
from console.embedded.errors import ServiceFailed, StartupError
from console.embedded.identity import find_identity


@pytest.fixture(scope="module")
def server():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def ask(server: psycopg.Connection, sql: str) -> object:
    row = server.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_the_server_speaks_utf8_and_sorts_the_same_everywhere(server):
    assert ask(server, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"
    assert ask(server, "SELECT lower('ÄÖ蜂巢')") == "äö蜂巢"


def test_vectors_work_in_our_database_and_in_new_ones(server):
    assert ask(server, "SELECT '[1,0]'::vector <=> '[0,1]'::vector") == 1.0
    assert ask(server, "SELECT count(*) FROM pg_extension WHERE extname = 'vector'") == 1


def test_a_wrong_password_is_refused():
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(os.environ["DATABASE_URL"], password="wrong")


def test_redis_asks_for_its_password_and_keeps_what_it_is_given():
    client = redis_client.Redis.from_url(os.environ["REDIS_URL"])
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    options = client.connection_pool.connection_kwargs
    client.close()
    stranger = redis_client.Redis(host=options["host"], port=options["port"])
    with stranger, pytest.raises(redis_client.AuthenticationError):
        stranger.ping()


def wait_for(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def start_redis(home: Path) -> tuple[subprocess.Popen[bytes], redis.Store]:
    store = redis.Store(home=home, port=ports.choose(), password="secret")
    with (home / "log").open("ab") as log:
        child = redis.start(store, output=log.fileno())
    wait_for(lambda: redis.answers(store))
    return child, store


def test_what_redis_was_given_survives_a_kill(tmp_path: Path):
    child, store = start_redis(tmp_path)
    with redis_client.Redis.from_url(store.url) as client:
        client.rpush("queue", "a job")
    time.sleep(1.2)  # it writes to disk every second
    child.kill()
    child.wait()
    child, store = start_redis(tmp_path)
    with redis_client.Redis.from_url(store.url) as client:
        assert client.lrange("queue", 0, -1) == [b"a job"]
    child.terminate()
    assert child.wait(timeout=5) == 0


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other accounts may pass through, unlike pytest's own: PostgreSQL may have to run as one of them."""
    with tempfile.TemporaryDirectory(prefix="skep-services-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def make_cluster(home: Path) -> postgres.Cluster:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return postgres.Cluster(home=home, port=ports.choose(), password="it's a secret/@", identity=find_identity())


def test_committed_rows_survive_a_kill_under_a_path_too_long_for_a_socket(reachable: Path):
    cluster = make_cluster(reachable / ("a long path, with a comma 养蜂 " * 5))
    assert postgres.initialise(cluster, sync=False)
    assert not postgres.initialise(cluster)
    for _ in range(2):
        with (reachable / "log").open("ab") as log:
            child = postgres.start(cluster, output=log.fileno())
        wait_for(lambda: postgres.answers(cluster))
        postgres.create_database(cluster.url)
        with psycopg.connect(cluster.url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        child.kill()
        child.wait()
    with (reachable / "log").open("ab") as log:
        child = postgres.start(cluster, output=log.fileno())
    wait_for(lambda: postgres.answers(cluster))
    client = psycopg.connect(cluster.url)
    assert client.execute("SELECT count(*) FROM kept").fetchone() == (2,)
    child.send_signal(postgres.STOP_SIGNAL)
    assert child.wait(timeout=5) == 0, "an open client must not hold up the stop"
    client.close()


def test_a_cluster_of_another_version_is_refused_with_advice(tmp_path: Path):
    cluster = make_cluster(tmp_path / "postgres")
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(StartupError, match="made by PostgreSQL 15"):
        postgres.check(cluster)


def test_a_failed_initdb_says_why_and_leaves_no_half_cluster(reachable: Path, monkeypatch: pytest.MonkeyPatch):
    cluster = make_cluster(reachable / "postgres")
    monkeypatch.setattr(postgres, "USER", "pg_forbidden")
    with pytest.raises(ServiceFailed, match="pg_"):
        postgres.initialise(cluster)
    assert not cluster.data.exists()
