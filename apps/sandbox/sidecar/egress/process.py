"""The supervisor's side of the proxy: starts its process, hands it listeners, asks it for figures, replaces it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from typing import Any

from apps.sandbox.sidecar.egress.main import LARGEST_MESSAGE
from apps.sandbox.sidecar.egress.settings import EgressSettings
from apps.sandbox.sidecar.zygote.launch import SOURCE_ROOT

_START_S = 15.0
_ANSWER_S = 1.0
_PAUSE_S = 1.0


class EgressFailed(Exception):
    """The proxy could not be started; the message is for the operator."""


class EgressProcess:
    """The proxy's process. Should it end, another takes over the same listeners."""

    def __init__(self, settings: EgressSettings) -> None:
        self._settings = settings
        self._listeners: dict[int, socket.socket] = {}
        self._stats: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self.restarts = 0

    async def start(self) -> None:
        """Start it and wait until it is confined and ready. Raises EgressFailed."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process else None

    def listen(self, listener: socket.socket, *, generation: int) -> None:
        """Serve a zygote's listener; it belongs to the proxy from now on."""
        self._listeners[generation] = listener
        self._hand_over(generation)

    def forget(self, *, generation: int) -> None:
        """That zygote is gone."""
        if (listener := self._listeners.pop(generation, None)) is not None:
            listener.close()
            self._say({"op": "forget", "generation": generation})

    async def stats(self) -> dict[str, Any]:
        """The proxy's figures, at most a moment old; the last known ones when it does not answer."""
        async with self._asking:
            if self._say({"op": "stats"}):
                with suppress(TimeoutError):
                    message = await asyncio.wait_for(self._hear(), _ANSWER_S)
                    self._stats = message.get("stats", self._stats)
        return {**self._stats, "restarts": self.restarts}

    async def close(self) -> None:
        """End it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for generation in list(self._listeners):
            self._listeners.pop(generation).close()
        await self._end()

    async def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._control = ours
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *_command(theirs.fileno()),
                env={},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # a Ctrl-C at the terminal is the supervisor's to act on
            )
        self._say({"op": "start", "settings": self._settings.to_message()})
        try:
            answer = await asyncio.wait_for(self._hear(), _START_S)
        except TimeoutError:
            answer = {"op": "failed", "message": f"the egress proxy was not ready after {_START_S:g} s"}
        if answer["op"] != "ready":
            await self._end()
            raise EgressFailed(str(answer.get("message", "the egress proxy ended while it was starting")))
        for generation in self._listeners:
            self._hand_over(generation)

    async def _keep(self) -> None:
        while self._process is not None:
            await self._process.wait()
            self.restarts += 1
            await asyncio.sleep(_PAUSE_S)
            async with self._asking:
                await self._end()
                with suppress(EgressFailed):
                    await self._launch()

    async def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _hand_over(self, generation: int) -> None:
        self._say({"op": "listen", "generation": generation}, fds=[self._listeners[generation].fileno()])

    def _say(self, message: dict[str, Any], *, fds: list[int] | None = None) -> bool:
        """Whether it was sent; a proxy that is gone is told everything by its successor's start."""
        if self._control is None:
            return False
        with suppress(OSError):
            socket.send_fds(self._control, [json.dumps(message).encode()], fds or [])
            return True
        return False

    async def _hear(self) -> dict[str, Any]:
        assert self._control is not None
        with suppress(OSError, ValueError):
            data = await asyncio.get_running_loop().sock_recv(self._control, LARGEST_MESSAGE)
            answer = json.loads(data)
            if isinstance(answer, dict):
                return answer
        return {"op": "gone"}


def _command(control: int) -> list[str]:
    executable: str = getattr(sys, "_base_executable", "") or sys.executable
    start = (
        f"import sys; sys.path.insert(0, {os.fspath(SOURCE_ROOT)!r}); "
        "from apps.sandbox.sidecar.egress.main import main; main()"
    )
    return [executable, "-I", "-S", "-c", start, str(control)]
