"""What stands on the host for attacks to reach: files, servers, sockets, memory; and whether anything reached it."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHARED_MEMORY_KEY = 0x5E4B0000 | (os.getpid() & 0xFFFF)
IPC_CREAT, IPC_RMID = 0o1000, 0


@dataclass(slots=True, kw_only=True)
class Canaries:
    """The places on the host and what came to them."""

    folder: Path
    secret: str
    facts: dict[str, Any]
    visits: list[str] = field(default_factory=list)

    def untouched(self) -> list[str]:
        """What was changed or visited; nothing, if all is well."""
        found = list(self.visits)
        if (self.folder / "secret.txt").read_text() != self.secret:
            found.append("the canary file was written")
        names = sorted(path.name for path in self.folder.iterdir())
        if names != ["datagram.sock", "secret.txt", "stream.sock"]:
            found.append(f"the canary folder holds {names}")
        return found


@contextmanager
def standing_canaries() -> Iterator[Canaries]:
    """Canaries for as long as the block runs. Everything is open to everybody: only the sandbox keeps code away."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="skep-canary-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o777)
        secret = f"canary {secrets.token_hex(16)}"
        (folder / "secret.txt").write_text(secret)
        (folder / "secret.txt").chmod(0o666)
        canaries = Canaries(folder=folder, secret=secret, facts={})
        abstract = f"skep-canary-{secrets.token_hex(8)}"
        sockets = {
            "tcp": _listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": _listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix stream": _listening(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "stream.sock")),
            "unix datagram": _listening(socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagram.sock")),
            "abstract stream": _listening(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            "abstract datagram": _listening(socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{abstract}-datagram"),
        }
        (folder / "stream.sock").chmod(0o777)
        (folder / "datagram.sock").chmod(0o777)
        for name, listener in sockets.items():
            threading.Thread(target=_watch, args=(name, listener, canaries.visits), daemon=True).start()
            stack.callback(_shut, listener)
        canaries.facts = {
            "canary_file": str(folder / "secret.txt"),
            "canary_folder": str(folder),
            "tcp_port": sockets["tcp"].getsockname()[1],
            "udp_port": sockets["udp"].getsockname()[1],
            "stream_socket": str(folder / "stream.sock"),
            "datagram_socket": str(folder / "datagram.sock"),
            "abstract_socket": abstract,
            "abstract_datagram_socket": f"{abstract}-datagram",
            "host_name": socket.gethostname(),
            "host_pid": os.getpid(),
            "shared_memory_key": SHARED_MEMORY_KEY,
        }
        stack.enter_context(_shared_memory())
        yield canaries


def _listening(family: int, kind: int, address: Any) -> socket.socket:
    listener = socket.socket(family, kind)
    listener.bind(address)
    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    return listener


def _watch(name: str, listener: socket.socket, visits: list[str]) -> None:
    while True:
        try:
            if listener.type == socket.SOCK_STREAM:
                connection, _ = listener.accept()
                connection.close()
            else:
                listener.recv(4096)
        except OSError as problem:
            if problem.errno not in (errno.EBADF, errno.EINVAL):
                visits.append(f"{name} broke: {problem}")
            return
        if listener.fileno() == -1:
            return
        visits.append(f"{name} was reached")


def _shut(listener: socket.socket) -> None:
    """Wake the thread that waits on the socket before closing it."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@contextmanager
def _shared_memory() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.shmget(SHARED_MEMORY_KEY, 4096, IPC_CREAT | 0o666)
    assert handle != -1, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        libc.shmctl(handle, IPC_RMID, None)
