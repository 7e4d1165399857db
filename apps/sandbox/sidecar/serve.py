"""Brings the sandbox and its HTTP server up together, and down together."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import socket
import sys

from apps.sandbox.sidecar.config import Config
from apps.sandbox.sidecar.errors import EX_CONFIG, StartRefused
from apps.sandbox.sidecar.http import sockets
from apps.sandbox.sidecar.http.routes import Routes
from apps.sandbox.sidecar.http.server import Server
from apps.sandbox.sidecar.kernel import calls
from apps.sandbox.sidecar.supervisor.modes import detect
from apps.sandbox.sidecar.supervisor.profiles import find_profiles
from apps.sandbox.sidecar.supervisor.report import report
from apps.sandbox.sidecar.supervisor.service import Sandbox

#: How long answers may take to go out once every run has its own.
DRAIN_S = 0.5
FILES = 8192


def serve(config: Config) -> int:
    """Detect the mode, serve until SIGTERM or SIGINT; raises StartRefused."""
    mode = detect(floor=config.floor).mode
    # Nobody of the same user may look into the process that holds the key; and it leaves no core behind.
    calls.set_dumpable(dumpable=False)
    _allow_more_files()
    bound = sockets.bind(config.listen)
    try:
        return asyncio.run(_serve(config, mode, bound))
    finally:
        bound.close()
        sockets.remove(config.listen, bound)


def check(config: Config) -> int:
    """Print what this machine can do, as JSON, and end."""
    try:
        shown = asyncio.run(_check(config, detect(floor=config.floor).mode))
    except StartRefused as refusal:
        print(json.dumps({"status": "refused", "floor": config.floor, "reason": str(refusal)}, indent=2))  # noqa: T201
        return EX_CONFIG
    print(json.dumps(shown, indent=2))  # noqa: T201
    return 0


def _allow_more_files() -> None:
    """Take what the machine grants: a connection, a child's stream and its news are a descriptor each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _check(config: Config, mode: str) -> dict[str, object]:
    sandbox = Sandbox(config, mode=mode, profiles=find_profiles(config, mode=mode))
    try:
        await sandbox.start()
        return await report(sandbox)
    finally:
        await sandbox.close()


async def _serve(config: Config, mode: str, bound: socket.socket) -> int:
    sandbox = Sandbox(config, mode=mode, profiles=find_profiles(config, mode=mode))
    server = Server(Routes(sandbox, key=config.key), max_body_bytes=config.maxima.body_bytes)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await server.listen(bound)
        starting = loop.create_task(sandbox.start())
        waiting = loop.create_task(stopped.wait())
        await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            _announce(config, mode, bound)
            await waiting
        else:
            starting.cancel()
        server.stop_accepting()
        await sandbox.stop()
        await server.drain(timeout_s=DRAIN_S)
    finally:
        await sandbox.close()
    return 0


def _announce(config: Config, mode: str, bound: socket.socket) -> None:
    """Say that it is ready, where it really listens: port 0 has become a port."""
    if (old := sockets.refusal_file(config.listen)) is not None:
        old.unlink(missing_ok=True)
    where = str(config.listen)
    if config.listen.path is None:
        where = f"{where.rpartition(':')[0]}:{bound.getsockname()[1]}"
    gc.collect()
    gc.freeze()
    sys.stdout.write(f"sandbox ready mode={mode} listen={where} pid={os.getpid()}\n")
    sys.stdout.flush()
