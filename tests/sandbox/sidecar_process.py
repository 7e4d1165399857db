"""Starts a real sidecar as a child process (as root, as an ordinary user, without namespaces) and speaks to it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from tests.sandbox import container

CHECKOUT = Path(__file__).resolve().parents[2]
#: The interpreter that an ordinary user can read where the tests' own may lie in root's home.
SYSTEM_PYTHON = Path("/usr/bin/python3.11")
ORDINARY_USER = 1000
PATIENCE = 30.0
MODES = ("root", "userns", "landlock")


class StartRefused(Exception):
    """The sidecar ended instead of becoming ready."""

    def __init__(self, *, code: int | None, stderr: str) -> None:
        super().__init__(f"the sidecar ended with {code}: {stderr}")
        self.code, self.stderr = code, stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    code: int
    headers: dict[str, str]
    body: Any


@dataclass(slots=True, kw_only=True)
class Sidecar:
    """A running sidecar."""

    mode: str
    socket: Path
    key: str
    process: subprocess.Popen[bytes]
    ready_line: str = ""
    languages: tuple[str, ...] = field(default=("python3", "javascript"))

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """Send one request on a connection of its own; the key goes along unless the headers name another."""
        connection = UnixConnection(self.socket, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers={"X-Api-Key": self.key, **(headers or {})})
            response = connection.getresponse()
            text = response.read()
            sent = {name.lower(): value for name, value in response.getheaders()}
            return Answer(code=response.status, headers=sent, body=json.loads(text) if text else None)
        finally:
            connection.close()

    def try_run(self, code: str, **fields: Any) -> Answer:
        """Ask for one run, whatever the answer is."""
        request = {"language": "python3", "code": code, "inputs": {}, **fields}
        return self.ask("POST", "/v1/run", body=json.dumps(request).encode())

    def run(self, code: str, **fields: Any) -> dict[str, Any]:
        """Run code and return the result; refuse every answer but 200."""
        answer = self.try_run(code, **fields)
        assert answer.code == 200, answer
        result: dict[str, Any] = answer.body
        return result

    def run_when_up(self, code: str, **fields: Any) -> dict[str, Any]:
        """Like run, but wait while the sidecar answers that it is busy starting something again."""
        deadline = time.monotonic() + PATIENCE
        while (answer := self.try_run(code, **fields)).code == 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert answer.code == 200, answer
        result: dict[str, Any] = answer.body
        return result

    def health(self) -> dict[str, Any]:
        """What the sidecar says about itself."""
        answer = self.ask("GET", "/health")
        assert answer.code == 200, answer
        report: dict[str, Any] = answer.body
        return report

    def descendants(self) -> list[psutil.Process]:
        """Every process below the supervisor."""
        return psutil.Process(self.pid).children(recursive=True)

    def zygotes(self) -> list[psutil.Process]:
        """The supervisor's own children, as the kernel lists them."""
        numbers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [psutil.Process(int(number)) for number in numbers]

    def stop(self) -> None:
        """End it in the orderly way, else by force."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(5)


class UnixConnection(http.client.HTTPConnection):
    """HTTP/1.1 over a unix socket."""

    def __init__(self, path: Path, *, timeout: float) -> None:
        super().__init__("sidecar", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a sidecar runs: its interpreter, its tree of sources and its user."""

    python: Path
    tree: Path
    sources: tuple[Path, ...]
    user: int | None
    folder: Path


def modes_here() -> tuple[str, ...]:
    """The modes that this machine and user can be asked for."""
    if os.geteuid() != 0:
        return MODES[1:]
    return MODES if SYSTEM_PYTHON.exists() else MODES[:1]


@contextmanager
def sidecar_home(mode: str, *, changed: Mapping[str, str] | None = None) -> Iterator[Home]:
    """A folder for one sidecar; ordinary users, and tests that change a source, get a copy of the sources.

    `changed` maps a path below apps/sandbox to text that is appended to the copy of that file.
    """
    folder = Path(tempfile.mkdtemp(prefix="skep-sidecar-"))
    try:
        steps_down = os.geteuid() == 0 and mode != "root"
        tree, sources = CHECKOUT, ()
        if steps_down or changed:
            tree, sources = _copied_sources(folder, changed=changed or {})
        if steps_down:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, ORDINARY_USER, ORDINARY_USER)
        folder.chmod(0o755)
        yield Home(
            python=SYSTEM_PYTHON if steps_down else Path(sys.executable),
            tree=tree,
            sources=sources,
            user=ORDINARY_USER if steps_down else None,
            folder=folder,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied_sources(folder: Path, *, changed: Mapping[str, str]) -> tuple[Path, tuple[Path, ...]]:
    tree, site = folder / "tree", folder / "site"
    wanted = CHECKOUT / "apps" / "sandbox"
    here = tree / "apps" / "sandbox"
    here.mkdir(parents=True)
    shutil.copy(CHECKOUT / "apps" / "__init__.py", tree / "apps" / "__init__.py")
    for name in ("__init__.py", "protocol.py", "strict_json.py"):
        shutil.copy(wanted / name, here / name)
    shutil.copytree(wanted / "sidecar", here / "sidecar", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in changed.items():
        with (here / path).open("a") as source:
            source.write(text)
    for package in ("jinja2", "markupsafe"):
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            shutil.copytree(next(iter(spec.submodule_search_locations)), site / package)
    return tree, (site,)


@contextmanager
def running_sidecar(
    mode: str,
    *arguments: str,
    key: str | None = None,
    changed: Mapping[str, str] | None = None,
    without_key: bool = False,
) -> Iterator[Sidecar]:
    """A sidecar that has said it is ready; ended when the block ends. Raises StartRefused where it would not start."""
    key = key or f"SKEPKEY-{secrets.token_hex(16)}"
    with sidecar_home(mode, changed=changed) as home:
        path = home.folder / "sidecar.sock"
        command = [str(home.python), "-m", "apps.sandbox.sidecar", "--listen", f"unix:{path}", *arguments]
        if mode == "landlock":
            command = container.without_namespaces(command)
        log = home.folder / "stderr.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=home.tree,
                env=_environment(home, key=None if without_key else key),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                user=home.user,
                group=home.user,
                extra_groups=[] if home.user else None,
            )
        sidecar = Sidecar(mode=mode, socket=path, key=key, process=process)
        try:
            sidecar.ready_line = _ready_line(process, log=log)
            yield sidecar
        finally:
            sidecar.stop()
            assert process.stdout is not None
            process.stdout.close()


def _environment(home: Home, *, key: str | None) -> dict[str, str]:
    own = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and home.user is None]
    sources = os.pathsep.join([*map(str, home.sources), *own])
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        **({"SANDBOX_API_KEY": key} if key else {}),
        "PYTHONDONTWRITEBYTECODE": "1",
        **({"PYTHONPATH": sources} if sources else {}),
    }


def _ready_line(process: subprocess.Popen[bytes], *, log: Path) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + PATIENCE
    said = b""
    while b"\n" not in said and time.monotonic() < deadline:
        readable, _, _ = select.select([process.stdout], [], [], 0.2)
        if readable:
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                break
            said += piece
    line = said.decode().partition("\n")[0]
    if not line.startswith("sandbox ready"):
        if process.poll() is None and said:
            process.wait(5)
        code = process.poll() if process.poll() is not None else _wait(process)
        raise StartRefused(code=code, stderr=log.read_text(errors="replace")[-4000:])
    return line


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(2)
    except subprocess.TimeoutExpired:
        return None


def gone(processes: Sequence[psutil.Process], *, within: float) -> list[psutil.Process]:
    """Wait for processes to be gone; return those that are still there.

    A dead process whose parent is dead too waits for the machine's first process to take note, which is not ours.
    """
    deadline = time.monotonic() + within
    left = list(processes)
    while left and time.monotonic() < deadline:
        left = [process for process in left if process.is_running() and not _is_an_orphan_that_died(process)]
        time.sleep(0.02)
    return left


def _is_an_orphan_that_died(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE and process.ppid() == 1)
    except psutil.NoSuchProcess:
        return True
