"""The proxy's process: started by the supervisor with one socket, through which it gets its settings and listeners.

Messages are JSON, one per datagram. From the supervisor: `start` (settings), `listen` (generation, with the
listener attached), `forget` (generation), `stats`. To the supervisor: `ready`, `failed`, `stats`. The end of the
socket ends the proxy.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys
from typing import Any

from apps.sandbox.sidecar.egress.confine import confine
from apps.sandbox.sidecar.egress.proxy import EgressProxy
from apps.sandbox.sidecar.egress.settings import EgressSettings

LARGEST_MESSAGE = 64 * 1024


def main() -> None:
    """Serve until the supervisor is gone. The control socket's descriptor is the last argument."""
    control = socket.socket(fileno=int(sys.argv[-1]))
    message, _fds = _receive(control)
    if message is None:
        return
    settings = EgressSettings.from_message(message["settings"])
    try:
        confine(settings)
    except OSError as exc:
        _send(control, {"op": "failed", "message": f"the egress proxy cannot confine itself: {exc}"})
        return
    gc.freeze()
    asyncio.run(_serve(control, settings))


async def _serve(control: socket.socket, settings: EgressSettings) -> None:
    proxy = EgressProxy(settings)
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    starting: set[asyncio.Task[None]] = set()
    control.setblocking(False)

    def hear() -> None:
        try:
            message, fds = _receive(control)
        except BlockingIOError:
            return
        if message is None:
            loop.remove_reader(control)
            gone.set()
        elif message["op"] == "listen":
            listener = socket.socket(fileno=fds[0])
            task = loop.create_task(proxy.listen(listener, generation=message["generation"]))
            starting.add(task)
            task.add_done_callback(starting.discard)
        elif message["op"] == "forget":
            proxy.forget(generation=message["generation"])
        elif message["op"] == "stats":
            _send(control, {"op": "stats", "stats": proxy.ledger.snapshot()})

    loop.add_reader(control, hear)
    _send(control, {"op": "ready"})
    await gone.wait()
    os._exit(0)  # at once: neither guests nor a name service that hangs may keep the process


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, fds, _flags, _address = socket.recv_fds(control, LARGEST_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
    return (json.loads(data) if data else None), fds


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())
