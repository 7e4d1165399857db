"""Runs code in the sandbox: one pooled HTTP client for each event loop, and its failures as typed errors."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import httpx

from apps.sandbox import answers
from apps.sandbox.door import Door
from apps.sandbox.errors import SandboxBusy, SandboxError, SandboxLost, SandboxRejected, SandboxUnreachable
from apps.sandbox.protocol import RUN_ID, RunRequest, RunResult
from apps.sandbox.strict_json import Malformed
from support.egress import read_bounded

MAX_ANSWER_BYTES = 64 * 1024 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
#: Silence beyond the run's own wall clock: its place in the queue, and the way back.
QUEUE_S = 30.0


class SandboxClient:
    """Runs code in the sandbox over a pool of connections. It belongs to the event loop that uses it first.

    `patience_s` is how long a request goes on trying while nothing of it has been run: the connection is refused,
    or the sandbox says that it is busy. What was sent is never sent twice.
    """

    def __init__(self, door: Door, *, patience_s: float = 10.0, max_connections: int = 100) -> None:
        self._door = door
        self._patience_s = patience_s
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=16, keepalive_expiry=30)
        address = door.address
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=str(address.socket) if address and address.socket else None, limits=limits, trust_env=False
            ),
            base_url=address.base_url if address else "",
            headers=door.headers(),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; runs that are under way are killed by that."""
        await self._http.aclose()

    async def run(self, request: RunRequest) -> RunResult:
        """Run the code and tell how it ended. Raises SandboxError when it was not run, or nobody knows.

        Cancelling closes the connection, and the sandbox kills a run whose client has gone.
        """
        if not request.run_id:  # no UUID by itself: those are runs of workflows, which have a trace to look at
            request = replace(request, run_id=f"call-{uuid.uuid4().hex}")
        try:
            body = request.to_json()
        except Malformed as exc:
            raise SandboxRejected(str(exc), reason="malformed", path=exc.path) from exc
        silence = request.limits.wall_s + QUEUE_S
        return answers.result_of(*await self._ask("POST", "/v1/run", body=body, silence=silence))

    async def kill(self, run_id: str) -> bool:
        """Kill a run by its id; whether there was one."""
        if not RUN_ID.match(run_id):
            return False
        status, body = await self._ask("DELETE", f"/v1/runs/{run_id}")
        if status not in {204, 404}:
            raise answers.error_of(status, body)
        return status == 204

    async def health(self) -> dict[str, Any]:
        """What the sandbox says of itself."""
        return answers.facts_of(*await self._ask("GET", "/health"))

    async def _ask(self, method: str, path: str, *, body: bytes = b"", silence: float = 5.0) -> tuple[int, bytes]:
        """Status and body of the answer, tried again only while the request has not been dispatched."""
        clock = asyncio.get_running_loop().time
        give_up_at, pause = clock() + self._patience_s, FIRST_PAUSE_S
        while True:
            wait, pause = pause, min(pause * 2, LONGEST_PAUSE_S)
            try:
                status, headers, answer = await self._send(method, path, body, silence)
            except SandboxUnreachable as exc:
                failure: SandboxError = exc
            else:
                if status not in answers.TRY_AGAIN:
                    return status, answer
                failure = answers.error_of(status, answer)
                wait = answers.seconds_to_wait(headers, otherwise=wait)
            if clock() + wait > give_up_at:
                raise failure
            await asyncio.sleep(wait)

    async def _send(self, method: str, path: str, body: bytes, silence: float) -> tuple[int, httpx.Headers, bytes]:
        if self._door.address is None:
            raise self._door.why_closed()
        timeout = httpx.Timeout(silence, connect=2.0, write=30.0, pool=self._patience_s)
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            async with self._http.stream(method, path, content=body, headers=headers, timeout=timeout) as response:
                answer, whole = await read_bounded(response, limit=MAX_ANSWER_BYTES)
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise self._door.why_closed() from exc
        except httpx.PoolTimeout as exc:
            raise SandboxBusy("Too many runs of this process are under way. Try again in a moment.") from exc
        except httpx.ReadTimeout as exc:
            raise SandboxLost(f"The sandbox said nothing for {silence:g} s; the run was given up.") from exc
        except httpx.HTTPError as exc:
            raise SandboxLost("The sandbox ended while it ran the code. Run it again.") from exc
        if not whole:
            raise SandboxLost(f"The sandbox sent more than {MAX_ANSWER_BYTES} bytes.")
        return response.status_code, response.headers, answer


_Clients = dict[Door, SandboxClient]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_Clients, AsyncGenerator[None, None]]]
_clients = WeakKeyDictionary()
_clients_lock = threading.Lock()


async def shared_client() -> SandboxClient:
    """This event loop's client for the configured sandbox; it is closed when the loop ends.

    A connection belongs to the loop that opened it, and Celery tasks run one loop each; hence one per loop.
    """
    loop, door = asyncio.get_running_loop(), Door.from_settings()
    with _clients_lock:
        entry = _clients.get(loop)
    if entry is None:
        clients: _Clients = {}
        keeper = _close_with_the_loop(clients)
        with _clients_lock:
            _clients[loop] = (clients, keeper)
        await anext(keeper)
    else:
        clients = entry[0]
    if door not in clients:
        clients[door] = SandboxClient(door)
    return clients[door]


async def close_shared_clients() -> None:
    """Close this loop's connections now; the next call opens new ones."""
    with _clients_lock:
        entry = _clients.pop(asyncio.get_running_loop(), None)
    if entry is not None:
        await entry[1].aclose()


async def _close_with_the_loop(clients: _Clients) -> AsyncGenerator[None, None]:
    # `asyncio.run` and its like finish the async generators that are still open before they close the loop.
    try:
        yield
    finally:
        with _clients_lock:
            _clients.pop(asyncio.get_running_loop(), None)
        while clients:
            await clients.popitem()[1].aclose()
