"""The engine's HTTP port over the guarded way out."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx
from django.conf import settings

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.http_port import HttpRequest, HttpResponse
from support.egress import EgressPolicy, EgressRefused, open_client, policy_from_env, read_bounded
from support.trace_context import headers_passed_on

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SCHEMES: Final = frozenset({"http", "https"})


class GuardedHttp:
    """Sends requests to whatever address the operator's rules permit, and follows redirects through the same check."""

    def __init__(self, policy: EgressPolicy | None = None) -> None:
        self._policy = policy or operator_policy()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer, whatever its status. Raises NodeFailure."""
        timeouts = request.timeouts
        limit = httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.write)
        try:
            # A server that sends a byte now and then must not hold the node for ever.
            async with asyncio.timeout(timeouts.connect + timeouts.write + timeouts.read):
                async with open_client(self._policy, timeout=limit, verify=request.verify_tls) as client:
                    return await _exchange(client, request)
        except EgressRefused as exc:
            raise NodeFailure(exc.code, exc.message, details=exc.details) from exc
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise NodeFailure("http_timeout", "The server did not answer in time.", retryable=True) from exc
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise NodeFailure("http_bad_url", f"This is no address to send a request to: {exc}.") from exc
        except httpx.DecodingError as exc:
            raise NodeFailure("http_unreadable", "The answer cannot be decoded.") from exc
        except httpx.TransportError as exc:
            reason = str(exc) or type(exc).__name__
            raise NodeFailure("http_unreachable", f"The server cannot be reached: {reason}.", retryable=True) from exc


def operator_policy() -> EgressPolicy:
    """What the operator lets requests of workflows reach."""
    return policy_from_env({"EGRESS_ALLOW": settings.EGRESS_ALLOW, "EGRESS_DENY": settings.EGRESS_DENY})


async def _exchange(client: httpx.AsyncClient, request: HttpRequest) -> HttpResponse:
    asked = _first_request(client, request)
    for _ in range(MAX_REDIRECTS + 1):
        async with _opened(client, asked) as response:
            following = response.next_request if response.status_code in _REDIRECTS else None
            if following is None:
                return await _read(response, limit=request.max_bytes)
        if _origin(following.url) != _origin(asked.url):
            for name in request.private:
                following.headers.pop(name, None)
        asked = following
    raise NodeFailure("http_redirects", f"The server redirects more than {MAX_REDIRECTS} times.")


def _first_request(client: httpx.AsyncClient, request: HttpRequest) -> httpx.Request:
    url = httpx.URL(request.url)
    if url.scheme not in _SCHEMES or not url.host:
        raise NodeFailure("http_bad_url", "An address begins with http:// or https:// and names a host.")
    given = {name.lower() for name, _ in request.headers}
    passed_on = () if "traceparent" in given else headers_passed_on().items()
    headers = [(name.encode("ascii"), value.encode()) for name, value in (*request.headers, *passed_on)]
    if request.params:
        url = url.copy_with(params=[*url.params.multi_items(), *request.params])
    return client.build_request(request.method, url, headers=headers, content=request.content or None)


@asynccontextmanager
async def _opened(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    response = await client.send(request, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


async def _read(response: httpx.Response, *, limit: int) -> HttpResponse:
    content, whole = await read_bounded(response, limit=limit)
    if not whole:
        raise NodeFailure("http_too_large", f"The answer is larger than {limit:,} bytes.", details={"limit": limit})
    return HttpResponse(
        status=response.status_code,
        url=str(response.url),
        headers=_headers_of(response),
        content=content,
        charset=_charset(response.charset_encoding),
    )


def _headers_of(response: httpx.Response) -> Sequence[tuple[str, str]]:
    return [(name.lower(), value) for name, value in response.headers.multi_items()]


def _charset(declared: str | None) -> str:
    try:
        return codecs.lookup(declared).name if declared else "utf-8"
    except LookupError:
        return "utf-8"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
