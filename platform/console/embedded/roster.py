"""The declared list of what runs: which processes, with which command lines, in which order."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from console.embedded import postgres, probes, redis, sandbox
from console.embedded.children import Child
from console.embedded.datadir import DataDir
from console.embedded.prepared import ROOT

ABOUT = (
    "Run all of Skep on this machine: the web server (web), workers for what is short (worker) and for background runs "
    "(runner, about 165 MB), the scheduler (beat), the sandbox, and PostgreSQL and Redis unless DATABASE_URL and "
    "REDIS_URL name others."
)
STOP_FIRST, STOP_LAST = 0, 1
READY_WHEN = frozenset({"web", "prepared"})
#: Processes for what is short (schedules, indexing, letters), and for background runs, up to sixteen in each.
WORKERS = 2
RUNNERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything the list depends on."""

    host: str
    port: int
    data: DataDir
    demo: bool
    prepared: bool
    cluster: postgres.Cluster | None
    store: redis.Store | None
    sidecar: sandbox.Sidecar | None
    environment: Mapping[str, str]

    def process(self, name: str, *arguments: str, after: Sequence[str] = ()) -> Child:
        """One Python process of ours."""
        return Child(
            name=name,
            argv=(sys.executable, *arguments),
            environment={**self.environment, "SKEP_PROCESS": name},
            directory=ROOT,
            after=frozenset(after),
        )


def make_roster(site: Site) -> list[Child]:
    """All children in starting order; the list is fixed, only what the environment provides is left out."""
    services = ["redis"] if site.store else []
    roster = _redis(site.store) + _web(site) + _first_steps(site) + _postgres(site)
    if site.cluster:
        services.append("postgres")
    workers = [
        _worker(site, services, name="worker", queue="celery", processes=WORKERS),
        _worker(site, services, name="runner", queue="runs", processes=RUNNERS),
    ]
    return [*roster, *workers, _beat(site, services), *_sandbox(site.sidecar)]


def _redis(store: redis.Store | None) -> list[Child]:
    if store is None:
        return []
    return [
        Child(
            name="redis",
            argv=redis.command(store),
            environment=dict(os.environ),
            directory=store.home,
            probe=partial(redis.answers, store),
            stop_signal=redis.STOP_SIGNAL,
            death_signal=redis.STOP_SIGNAL,
            stop_stage=STOP_LAST,
        )
    ]


def _postgres(site: Site) -> list[Child]:
    """The server, and before its first start the job that makes its files."""
    if (cluster := site.cluster) is None:
        return []
    server = Child(
        name="postgres",
        argv=postgres.command(cluster),
        environment=postgres.environment(),
        directory=cluster.home,
        probe=partial(postgres.answers, cluster),
        stop_signal=postgres.STOP_SIGNAL,
        death_signal=postgres.STOP_SIGNAL,
        stop_stage=STOP_LAST,
        identity=cluster.identity,
    )
    if cluster.data.exists():
        return [server]
    job = site.process("initdb", "-m", "console.embedded.new_cluster", str(site.data.root))
    return [replace(job, once=True), replace(server, after=frozenset({"initdb"}))]


def _first_steps(site: Site) -> list[Child]:
    if site.prepared:
        return []
    flags = ["--data-dir", str(site.data.root)]
    flags += ["--embedded"] if site.cluster else []
    flags += ["--demo"] if site.demo else []
    job = site.process("prepare", "-m", "console.embedded.first_steps", *flags)
    return [replace(job, once=True)]


def _web(site: Site) -> list[Child]:
    """Daphne; it needs no database until the first request, so it starts at once."""
    arguments = [
        "-e",
        endpoint(site.host, site.port),
        "--no-server-name",
        "-v",
        "0",
        "console.asgi:application",
    ]
    web = site.process("web", "-m", "console.embedded.web", *arguments)
    return [replace(web, probe=partial(probes.web_answers, site.port, host=reachable(site.host)))]


def _worker(site: Site, services: Sequence[str], *, name: str, queue: str, processes: int) -> Child:
    arguments = ["-m", "console.embedded.worker", "--quiet", "--app", "console.celery:app", "worker"]
    arguments += ["--hostname", f"{name}@%h", "--queues", queue, "--concurrency", str(processes)]
    arguments += ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    # After the web process: on two cores they would slow each other down, and people wait for the page.
    worker = site.process(name, *arguments, after=["web", "migrated", *services])
    # SIGTERM lets a task finish, SIGQUIT puts it back into the queue.
    return replace(worker, impatient_signal=signal.SIGQUIT, patience=3.0)


def _beat(site: Site, services: Sequence[str]) -> Child:
    arguments = ["-m", "console.embedded.beat", "--schedule", str(site.data.beat_schedule)]
    return site.process("beat", *arguments, after=["web", "migrated", *services])


def _sandbox(sidecar: sandbox.Sidecar | None) -> list[Child]:
    """It needs nothing of the others, and comes after them: nobody runs code before the first page is there."""
    if sidecar is None:
        return []
    return [
        Child(
            name="sandbox",
            argv=sandbox.command(sidecar),
            environment=sandbox.environment(),
            directory=ROOT,
            after=frozenset({"web", "migrated"}),
            probe=partial(sandbox.answers, sidecar),
            optional=True,
            declines_with=sandbox.DECLINED,
        )
    ]


def endpoint(host: str, port: int) -> str:
    """Twisted's description of a listening address; the backlog holds a burst of new streams."""
    kind, escaped = ("tcp6", host.replace(":", "\\:")) if ":" in host else ("tcp", host)
    return f"{kind}:{port}:interface={escaped}:backlog=2048"


def reachable(host: str) -> str:
    """An address under which we reach a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def shown(host: str, port: int) -> str:
    """The URL that we print."""
    name = reachable(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
