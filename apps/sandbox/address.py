"""Where the sandbox is: what SANDBOX_URL may say, and the note a sandbox leaves when it declines to start.

Standard library only: the settings and the supervisor of `manage.py up` read it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

#: The value of SANDBOX_URL that means: none, and start none.
OFF = "off"
#: The server's part of the URL on a unix socket; nothing resolves it.
NOBODY = "http://sandbox"
MOST_OF_A_REASON = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAddress:
    """One sandbox: a unix socket on this machine, or a base URL."""

    base_url: str
    socket: Path | None = None

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else self.base_url

    def refusal(self) -> str:
        """Why the sandbox that was to listen on the socket declined to start; empty where it did not."""
        if self.socket is None:
            return ""
        try:
            with refusal_note(self.socket).open("rb") as file:
                said = file.read(MOST_OF_A_REASON)
        except OSError:
            return ""
        return " ".join(said.decode(errors="replace").replace("\0", "").split())


def refusal_note(socket: Path) -> Path:
    """The file in which a sandbox says why it will not listen on the socket."""
    return socket.with_name(socket.name + ".refused")


def parse_address(text: str) -> SandboxAddress | None:
    """Read `unix:/path`, `http://host:port` or `https://host`; nothing and `off` mean none. Raises ValueError."""
    text = text.strip()
    if not text or text.lower() == OFF:
        return None
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:").removeprefix("//"))
        if not path.is_absolute():
            raise ValueError(f"SANDBOX_URL: {text!r} must name an absolute path, such as unix:/run/skep/sandbox.sock")
        return SandboxAddress(base_url=NOBODY, socket=path)
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("SANDBOX_URL must be unix:/path, http://host:port, https://host or off")
    return SandboxAddress(base_url=text.rstrip("/"))
