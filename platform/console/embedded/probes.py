"""Is a service up? Asked in its own protocol over a bare socket: the supervisor loads no client library."""

import contextlib
import socket
import struct

from console.embedded.ports import LOOPBACK

PROTOCOL_3 = 196608


def postgres_answers(port: int, *, user: str) -> bool:
    """Whether PostgreSQL asks for a password (while it starts up or shuts down it sends an error instead)."""
    parameters = b"user\0" + user.encode() + b"\0database\0postgres\0\0"
    packet = struct.pack("!ii", len(parameters) + 8, PROTOCOL_3) + parameters
    return _ask(port, packet, enough=1).startswith(b"R")


def redis_answers(port: int, *, password: str) -> bool:
    """Whether Redis takes commands (not while it still reads its file)."""
    reply = _ask(port, f"AUTH {password}\r\nPING\r\n".encode(), enough=12)
    return reply.startswith(b"+OK") and b"+PONG" in reply


def web_answers(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether the web process answers /health/live."""
    request = f"GET /health/live HTTP/1.0\r\nHost: {LOOPBACK}:{port}\r\n\r\n"
    reply = _ask(port, request.encode(), host=host, enough=12, timeout=2)
    # Any answer below 500 is alive: with ALLOWED_HOSTS set, this one may be a 400.
    return reply[:5] == b"HTTP/" and reply[9:10] in (b"2", b"3", b"4")


def _ask(port: int, request: bytes, *, enough: int, host: str = LOOPBACK, timeout: float = 1) -> bytes:
    reply = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=timeout) as connection,
    ):
        connection.sendall(request)
        while len(reply) < enough and (piece := connection.recv(256)):
            reply += piece
    return reply
