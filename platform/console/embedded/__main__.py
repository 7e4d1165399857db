"""`manage.py up` without Django: check, lock, decide addresses, then supervise."""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from console.embedded import leftovers, locks, ports, postgres, prepared, redis, roster, sandbox
from console.embedded.console_log import Terminal
from console.embedded.datadir import DataDir, kept_secret, read_json, write_json
from console.embedded.errors import MissingDependency, PortTaken, StartupError
from console.embedded.identity import find_identity
from console.embedded.options import Options, add_arguments
from console.embedded.supervisor import Supervisor

NEEDED = {
    "django": "Django", "channels": "channels", "daphne": "daphne", "celery": "celery", "redis": "redis",
    "psycopg": "psycopg", "pgvector": "pgvector", "rest_framework": "djangorestframework", "httpx": "httpx",
    "orjson": "orjson", "psutil": "psutil", "cryptography": "cryptography", "whitenoise": "whitenoise",
    "drf_spectacular": "drf-spectacular", "django_celery_results": "django-celery-results", "numpy": "numpy",
    "yaml": "PyYAML", "jsonschema": "jsonschema", "snowballstemmer": "snowballstemmer", "docx": "python-docx",
    "pypdfium2": "pypdfium2", "trafilatura": "trafilatura", "lxml_html_clean": "lxml_html_clean",
    "selectolax": "selectolax", "markdown_it": "markdown-it-py", "charset_normalizer": "charset-normalizer",
    "pptx": "python-pptx", "python_calamine": "python-calamine", "pdfplumber": "pdfplumber",
}  # fmt: skip
SECRETS = {"SECRET_KEY": "secret_key", "ENCRYPTION_KEYS": "encryption_keys"}


class Announcer:
    """What the operator reads: the ready block, and the first administrator's password exactly once."""

    def __init__(self, terminal: Terminal, *, url: str, data: DataDir) -> None:
        self._terminal = terminal
        self._url = url
        self._data = data
        self._began = time.monotonic()
        self._password = ""

    def take(self, fact: dict[str, Any]) -> None:
        """Keep the password until it is shown."""
        if fact["fact"] == "admin":
            self._password = fact["password"]

    def ready(self) -> None:
        """Everything answers."""
        rows = [("Open", self._url), ("Admin", f"{self._url}admin/")]
        rows += [("Data", str(self._data.root)), ("Stop", "Ctrl-C")]
        seconds = time.monotonic() - self._began
        lines = ["", f"  Skep is ready after {seconds:.1f} s.", ""]
        lines += [f"    {label:<7}{value}" for label, value in rows]
        self._terminal.block("\n".join(lines))
        self.show_password()
        self._terminal.block("")

    def show_password(self) -> None:
        """Also when starting up failed later: the account exists by then."""
        if self._password:
            self._terminal.block(
                f"\n    Sign in as  admin\n    Password    {self._password}\n    This password is shown only this once."
            )
        self._password = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; the exit code is 0 after an orderly stop, 1 if starting failed."""
    parser = argparse.ArgumentParser(prog="manage.py up", description=roster.ABOUT)
    add_arguments(parser)
    options = Options(**vars(parser.parse_args(arguments)))
    try:
        _run(options)
    except StartupError as exc:
        sys.stderr.write(f"\nSkep did not start. {exc}\n")
        return 1
    except KeyboardInterrupt:  # before the supervisor took over the signals
        return 130
    return 0


def _run(options: Options) -> None:
    data = DataDir(options.data_dir.absolute())
    check_dependencies()
    data.make()
    port = options.port or ports.choose()
    url = roster.shown(options.host, port)
    with locks.hold(data.lock, url=url):
        check_port(port, host=options.host)
        terminal = Terminal()
        announcer = Announcer(terminal, url=url, data=data)
        for name in leftovers.end_leftovers(data.children) if data.children.exists() else []:
            terminal.line("skep", f"ended {name}, which a copy that crashed had left running")
        site = plan_site(options, data=data, port=port, url=url)
        _supervise(site, terminal=terminal, announcer=announcer)


def check_dependencies() -> None:
    """Name what is not installed instead of failing later with a traceback."""
    missing = sorted(package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None)
    if missing:
        raise MissingDependency(
            f"Not installed: {', '.join(missing)}. Remove the folder .venv and run `make up`, which installs anew, "
            f"or `pip install -r requirements.txt` for {sys.executable}."
        )


def check_port(port: int, *, host: str) -> None:
    """Refuse early if somebody else listens there."""
    if not ports.is_free(port, host=host):
        raise PortTaken(
            f"Port {port} on {host} is taken by another program. Stop it, or choose another with --port: "
            'make up UP_ARGS="--port 9000".'
        )


def plan_site(options: Options, *, data: DataDir, port: int, url: str) -> roster.Site:
    """Decide which services are ours and where they listen; the children learn it from their environment."""
    known = read_json(data.ports)
    cluster = None if os.environ.get("DATABASE_URL") else _plan_cluster(data, known.get("postgres"))
    store = None if os.environ.get("REDIS_URL") else _plan_store(data, known.get("redis"))
    sidecar = None if os.environ.get("SANDBOX_URL") else sandbox.plan(data)
    write_json(data.ports, {"postgres": cluster and cluster.port, "redis": store and store.port})
    addresses = {"SKEP_URL": url}
    addresses |= {"DATABASE_URL": cluster.url} if cluster else {}
    addresses |= {"REDIS_URL": store.url} if store else {}
    addresses |= {"SANDBOX_URL": sidecar.url} if sidecar else {}
    write_json(data.running, addresses)
    return roster.Site(
        host=options.host,
        port=port,
        data=data,
        demo=options.demo,
        prepared=cluster is not None and prepared.is_prepared(data, demo=options.demo),
        cluster=cluster,
        store=store,
        sidecar=sidecar,
        environment={**_environment(data), **addresses},
    )


def _plan_cluster(data: DataDir, known_port: int | None) -> postgres.Cluster:
    postgres.find_binaries()
    cluster = postgres.Cluster(
        home=data.postgres,
        port=ports.choose(known_port),
        password=kept_secret(data.postgres / "password"),
        identity=find_identity(),
    )
    if cluster.data.exists():
        postgres.check(cluster)
        leftovers.clear_postmaster_file(cluster.data)
    return cluster


def _plan_store(data: DataDir, known_port: int | None) -> redis.Store:
    redis.find_binary()
    store = redis.Store(home=data.redis, port=ports.choose(known_port), password=kept_secret(data.redis / "password"))
    redis.configure(store)
    return store


def _environment(data: DataDir) -> dict[str, str]:
    for variable, name in SECRETS.items():
        if not os.environ.get(variable):
            kept_secret(data.root / name)  # made before two children could make one each
    source_roots = [str(prepared.ROOT / "platform"), str(prepared.ROOT)]
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {
        "DJANGO_SETTINGS_MODULE": "console.settings.dev",
        "MALLOC_ARENA_MAX": "2",  # each of glibc's arenas keeps freed memory to itself
        **os.environ,
        "SKEP_DATA_DIR": str(data.root),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([*source_roots, *inherited])),
        "PYTHONUNBUFFERED": "1",
    }


def _supervise(site: roster.Site, *, terminal: Terminal, announcer: Announcer) -> None:
    children = roster.make_roster(site)
    supervisor = Supervisor(
        children,
        logs=site.data.logs,
        memory=site.data.children,
        terminal=terminal,
        ready_when=roster.READY_WHEN,
        on_ready=announcer.ready,
        on_fact=announcer.take,
    )
    names = ", ".join(child.name for child in children)
    terminal.line("skep", f"starting {names}{'' if site.prepared else '; the first time takes a little longer'}")
    try:
        supervisor.run(facts={"migrated", "prepared"} if site.prepared else ())
    finally:
        announcer.show_password()
        site.data.running.unlink(missing_ok=True)
        if site.sidecar:
            sandbox.forget(site.sidecar, site.data)
    terminal.line("skep", "stopped")


if __name__ == "__main__":
    sys.exit(main())
