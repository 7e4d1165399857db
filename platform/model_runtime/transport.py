"""The only network code of the provider clients: one POST, its timeouts, its failures as typed errors."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import orjson

from model_runtime import failures
from model_runtime.errors import InvalidModelReply, ProviderMisconfigured
from model_runtime.sse import EventTooLarge, ServerSentEvent, SSEParser
from support.egress import EgressPolicy, EgressRefused, open_client, read_bounded
from support.trace_context import headers_passed_on

MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. `read` is the longest silence, `total` the longest call."""

    connect: float = 10
    read: float = 90
    write: float = 30
    total: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a provider is and how to get in. The key is kept out of `repr` and of every message."""

    provider: str
    base_url: str
    api_key: str = field(default="", repr=False)
    policy: EgressPolicy = field(default_factory=EgressPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)

    def url(self, path: str) -> str:
        """The address of one call below the base URL."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An accepted answer whose body has not been read yet."""

    endpoint: Endpoint
    response: httpx.Response
    deadline: float

    @property
    def is_event_stream(self) -> bool:
        """Whether the server streams, as it was asked to."""
        kind: str = self.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "text/event-stream"

    async def json(self) -> Any:
        """The whole body as JSON; an error object inside a 200 is raised as that error."""
        with failures.translated(self.endpoint.provider):
            async with asyncio.timeout_at(self.deadline):
                body, complete = await read_bounded(self.response, limit=MAX_REPLY_BYTES)
        if not complete:
            raise InvalidModelReply(f"{self.endpoint.provider} sent more than {MAX_REPLY_BYTES} bytes.")
        return self.parse(body)

    def parse(self, data: bytes | str) -> Any:
        """One JSON value of the body; raises the error that it holds, if it holds one."""
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            raise InvalidModelReply(f"{self.endpoint.provider} sent a reply that is not JSON.") from exc
        if failures.is_error(value):
            raise failures.from_body(value, endpoint_name=self.endpoint.provider, secret=self.endpoint.api_key)
        return value

    async def events(self) -> AsyncGenerator[ServerSentEvent, None]:
        """The server-sent events, as they arrive."""
        parser = SSEParser()
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                try:
                    found = parser.feed(piece)
                except EventTooLarge as exc:
                    raise InvalidModelReply(f"{self.endpoint.provider}: {exc}.") from exc
                for event in found:
                    yield event

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        body = self.response.aiter_bytes()
        while True:
            with failures.translated(self.endpoint.provider):
                # The deadline surrounds each read only: a timeout that is open across a yield would strike
                # in the reader's code (PEP 789).
                async with asyncio.timeout_at(self.deadline):
                    piece = await anext(body, None)
            if piece is None:
                return
            yield piece


@asynccontextmanager
async def post(endpoint: Endpoint, path: str, payload: dict[str, Any]) -> AsyncIterator[Reply]:
    """Send JSON and hand out the accepted reply. Raises ModelError for everything else."""
    client = await client_for(endpoint.policy)
    timeouts = endpoint.timeouts
    deadline = asyncio.get_running_loop().time() + timeouts.total
    try:
        request = client.build_request(
            "POST",
            endpoint.url(path),
            content=orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS),
            headers={**endpoint.headers(), **headers_passed_on()},
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.write),
        )
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise ProviderMisconfigured(f"The address of {endpoint.provider} is not a URL.") from exc
    except TypeError as exc:
        raise ProviderMisconfigured(f"The request to {endpoint.provider} cannot be written as JSON.") from exc
    with failures.translated(endpoint.provider):
        try:
            async with asyncio.timeout_at(deadline):
                response = await client.send(request, stream=True)
        except EgressRefused as exc:
            raise ProviderMisconfigured(
                f"The address of {endpoint.provider} is not allowed: {exc.message}", reason=exc.code
            ) from exc
    try:
        if not response.is_success:
            raise await _refusal(endpoint, response, deadline)
        yield Reply(endpoint=endpoint, response=response, deadline=deadline)
    finally:
        await response.aclose()


async def _refusal(endpoint: Endpoint, response: httpx.Response, deadline: float) -> Exception:
    try:
        async with asyncio.timeout_at(deadline):
            body, _ = await read_bounded(response, limit=MAX_ERROR_BYTES)
    except (httpx.HTTPError, TimeoutError):
        body = b""  # the status says enough
    return failures.from_status(
        response.status_code,
        headers=response.headers,
        body=body,
        endpoint_name=endpoint.provider,
        secret=endpoint.api_key,
    )


_Clients = dict[EgressPolicy, httpx.AsyncClient]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_Clients, AsyncGenerator[None, None]]]
_clients = WeakKeyDictionary()
_clients_lock = threading.Lock()


async def client_for(policy: EgressPolicy) -> httpx.AsyncClient:
    """This event loop's client for the policy: connections are reused, and closed when the loop ends.

    A connection belongs to the loop that opened it, and Celery tasks run one loop each; hence one per loop.
    """
    loop = asyncio.get_running_loop()
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
    if policy not in clients:
        clients[policy] = open_client(policy)
    return clients[policy]


async def _close_with_the_loop(clients: _Clients) -> AsyncGenerator[None, None]:
    # `asyncio.run` and its like finish the async generators that are still open before they close the loop.
    try:
        yield
    finally:
        await _close(clients)


async def close_clients() -> None:
    """Close this loop's connections now; the next call opens new ones."""
    with _clients_lock:
        entry = _clients.pop(asyncio.get_running_loop(), None)
    if entry is not None:
        await entry[1].aclose()


async def _close(clients: _Clients) -> None:
    with _clients_lock:
        _clients.pop(asyncio.get_running_loop(), None)
    while clients:
        await clients.popitem()[1].aclose()
