"""The sandbox beside us: where its socket is, what it is started with, and whether it answers.

It runs other people's code, so it gets none of our secrets: its environment is made of the few names below.
"""

import contextlib
import hashlib
import os
import shutil
import socket
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from apps.sandbox.address import refusal_note
from console.embedded.datadir import DataDir
from console.embedded.errors import StartupError

#: What the sidecar ends with when it will not run here (EX_CONFIG): not a fault, and trying again would not help.
DECLINED = 78
MAX_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
FLOORS = ("root", "userns", "landlock")
PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("SANDBOX_API_KEY", "SANDBOX_FLOOR"),
    *("SANDBOX_NET", "SANDBOX_NET_ALLOW", "SANDBOX_NET_DENY", "SANDBOX_NET_PORTS"),
)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One sandbox of ours."""

    socket: Path

    @property
    def url(self) -> str:
        """What SANDBOX_URL is set to."""
        return f"unix:{self.socket}"


def plan(data: DataDir) -> Sidecar:
    """Decide where it listens, and clear away what an earlier copy left there."""
    floor = os.environ.get("SANDBOX_FLOOR", "")
    if floor and floor not in FLOORS:
        raise StartupError(f"SANDBOX_FLOOR is {floor!r}; it must be one of {', '.join(FLOORS)}.")
    sidecar = Sidecar(socket_path(data.root))
    for leftover in (sidecar.socket, refusal_note(sidecar.socket)):
        with contextlib.suppress(OSError):
            leftover.unlink()
    return sidecar


def socket_path(root: Path) -> Path:
    """In the data directory; where that path is too long for a socket, in a short private directory of its own."""
    wanted = root / "sandbox.sock"
    if len(os.fsencode(wanted)) <= MAX_SOCKET_PATH:
        return wanted
    name = f"skep-{os.geteuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    short = Path(tempfile.gettempdir()) / name
    if not _is_ours_alone(short):  # somebody else took the name
        short = Path(tempfile.mkdtemp(prefix="skep-"))
    return short / "sandbox.sock"


def _is_ours_alone(folder: Path) -> bool:
    """Make the directory if it is missing; whether it is one, ours, and closed to others."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def command(sidecar: Sidecar) -> list[str]:
    """The command line; the key, if there is one, comes by the environment."""
    return [sys.executable, "-m", "apps.sandbox.sidecar", "--listen", sidecar.url]


def environment() -> dict[str, str]:
    """Everything it needs and nothing it could give away."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def answers(sidecar: Sidecar) -> bool:
    """Whether somebody accepts connections on the socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        probe.connect(str(sidecar.socket))
        return True
    return False


def forget(sidecar: Sidecar, data: DataDir) -> None:
    """Remove the short directory, if one was made."""
    if sidecar.socket.parent != data.root:
        shutil.rmtree(sidecar.socket.parent, ignore_errors=True)
