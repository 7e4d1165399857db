"""Asks the sidecar how it is; exit 0 if it serves. For a container's health check: standard library only."""

from __future__ import annotations

import json
import os
import socket
import sys

SERVES = ("ok", "degraded")
REQUEST = b"GET /health HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n"


def main() -> int:
    """Ask at SANDBOX_LISTEN, `unix:PATH` or `HOST:PORT`; strangers are told one word, which is enough here."""
    where = os.environ.get("SANDBOX_LISTEN", "unix:/run/skep/sandbox.sock")
    try:
        status = ask(where)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{where}: {error}\n")
        return 1
    sys.stdout.write(f"{status}\n")
    return 0 if status in SERVES else 1


def ask(where: str) -> str:
    """The word that the sidecar has for its state."""
    with connect(where) as connection:
        connection.settimeout(2)
        connection.sendall(REQUEST)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return str(json.loads(answer.partition(b"\r\n\r\n")[2]).get("status"))


def connect(where: str) -> socket.socket:
    """Open a connection; a sidecar that listens everywhere is asked on this machine."""
    if where.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where.removeprefix("unix:"))
        return connection
    host, _, port = where.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - compared, not bound
    return socket.create_connection((host, int(port)), timeout=2)


if __name__ == "__main__":
    sys.exit(main())
