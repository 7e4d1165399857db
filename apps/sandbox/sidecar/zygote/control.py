"""The control channel between the supervisor and a zygote: its messages, one JSON object per SEQPACKET datagram.

The two ends trust each other; a message that does not parse means that the other end is broken, and ends the zygote.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

LARGEST_MESSAGE = 64 * 1024
"""Bytes of one datagram."""

CONTROL_FD = 3
"""Where a zygote finds its end of the channel."""


class ControlBroken(Exception):
    """The other end sent something that is no message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Limits of a child that the supervisor does not name in each spawn."""

    memory_mb: int = 256
    cpu_s: int = 10
    processes: int = 16
    files: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """To the zygote, first and once: what to become.

    `language` is `python3` or `javascript`. `without` names layers to leave out (tests and benchmarks). A path in
    `paths` is a directory to put on sys.path, or a package or module of which only that one is shown.
    """

    op: ClassVar[str] = "stage"
    profile: str
    mode: str
    language: str
    without: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    node: str | None = None
    net: bool = False
    defaults: Defaults = field(default_factory=Defaults)
    uid_base: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """To the zygote, with the child's end of a STREAM socketpair attached: fork and isolate one child."""

    op: ClassVar[str] = "spawn"
    id: int
    slot: int
    memory_mb: int
    cpu_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """To the zygote: SIGKILL the child of that id. No such child is no error; its `Reaped` is on the way."""

    op: ClassVar[str] = "kill"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """To the zygote: say that you are alive."""

    op: ClassVar[str] = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """From the zygote: ready to spawn. With the egress listener attached when the stage asked for `net`.

    `pid` is the zygote's own, in the supervisor's eyes: with a pid namespace, a child of the process that was exec'd.
    """

    op: ClassVar[str] = "staged"
    layers: dict[str, bool]
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatal:
    """From the zygote: that layer could not be put up; the zygote ends."""

    op: ClassVar[str] = "fatal"
    layer: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """From the zygote: the child is forked. Its own `S` frame says when it is isolated."""

    op: ClassVar[str] = "spawned"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """From the zygote: there is no child of that id, and no `Reaped` will follow."""

    op: ClassVar[str] = "failed"
    id: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """From the zygote: the child is gone with everything in it, and its slot is free."""

    op: ClassVar[str] = "reaped"
    id: int
    code: int | None
    signal: int | None
    cpu_ms: int
    peak_kb: int
    system_call: str | None = None
    last_words: str | None = None
    """Which phrase of `last_words.PHRASES` was on descriptor 2: memory was refused to it, or it wants that believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """From the zygote: the answer to `Ping`."""

    op: ClassVar[str] = "pong"


Message = Stage | Spawn | Kill | Ping | Staged | Fatal | Spawned | Failed | Reaped | Pong

_KINDS: dict[str, type[Message]] = {
    kind.op: kind for kind in (Stage, Spawn, Kill, Ping, Staged, Fatal, Spawned, Failed, Reaped, Pong)
}


def encode(message: Message) -> bytes:
    """Turn a message into one datagram."""
    return json.dumps({"op": message.op, **asdict(message)}, separators=(",", ":")).encode()


def decode(data: bytes) -> Message:
    """Turn one datagram into its message; raise ControlBroken for anything else."""
    try:
        values: dict[str, Any] = json.loads(data)
        kind = _KINDS[values.pop("op")]
        if kind is Stage:
            values["defaults"] = Defaults(**values.get("defaults", {}))
        names = {each.name for each in fields(kind)}
        if not values.keys() <= names:
            raise ControlBroken(f"unknown fields in {kind.op!r}: {sorted(values.keys() - names)}")
        make: Callable[..., Message] = kind
        return make(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ControlBroken(f"not a control message: {error!r}") from error


def send(channel: socket.socket, message: Message, *, fds: Sequence[int] = ()) -> None:
    """Send one message, with descriptors attached if given. They stay open here."""
    data = encode(message)
    if len(data) > LARGEST_MESSAGE:
        raise ControlBroken(f"a control message of {len(data)} bytes")
    if fds:
        socket.send_fds(channel, [data], list(fds))
    else:
        channel.send(data)


def receive(channel: socket.socket) -> tuple[Message, list[int]] | None:
    """Take the next message and its descriptors, or None when the other end is gone.

    On a non-blocking channel with nothing to read, BlockingIOError passes through.
    """
    try:
        data, fds, flags, _ = socket.recv_fds(channel, LARGEST_MESSAGE, 4)
    except ConnectionResetError:  # closed there with messages of ours unread
        return None
    if not data:
        return None
    for fd in fds:
        os.set_inheritable(fd, False)
    try:
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ControlBroken("a control message was cut short")
        return decode(data), list(fds)
    except ControlBroken:
        for fd in fds:
            os.close(fd)
        raise
