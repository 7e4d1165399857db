"""Fetching pages for an import: through the guarded way out, within limits, and only where robots.txt lets us.

Every redirect is a request of its own, checked like the first: its address by the operator's rules, its path by the
robots.txt of its host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpx
from django.conf import settings

from apps.datasets.services.errors import PageFailed
from support.egress import EgressPolicy, EgressRefused, open_client, policy_from_env, read_bounded

AGENT: Final = "SkepBot"
HEADERS: Final = {
    "User-Agent": f"{AGENT}/1.0 (document import; obeys robots.txt)",
    "Accept": "text/html, application/xhtml+xml, application/pdf;q=0.9, text/*;q=0.8, */*;q=0.5",
}
MAX_REDIRECTS: Final = 5
MAX_PAGE_BYTES: Final = 25 << 20
MAX_ROBOTS_BYTES: Final = 512 << 10
PAGE_SECONDS: Final = 30.0
MAX_DELAY: Final = 10.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TIMEOUT: Final = httpx.Timeout(20.0, connect=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered. `status` is 200, or 304 for what has not changed since."""

    url: str
    status: int
    content: bytes = b""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""


def operator_policy() -> EgressPolicy:
    """What the operator lets imports reach."""
    return policy_from_env({"EGRESS_ALLOW": settings.EGRESS_ALLOW, "EGRESS_DENY": settings.EGRESS_DENY})


class Fetcher:
    """Fetches pages one after another and remembers the robots.txt of each host it has seen."""

    def __init__(self, policy: EgressPolicy | None = None) -> None:
        self._policy = policy or operator_policy()
        self._robots: dict[str, RobotFileParser] = {}

    async def fetch(
        self, url: str, *, etag: str = "", last_modified: str = "", limit: int = MAX_PAGE_BYTES, obeys: bool = True
    ) -> Fetched:
        """The page, after its redirects. Raises PageFailed, which says why and whether to try again."""
        since = {"If-None-Match": etag} if etag else {"If-Modified-Since": last_modified} if last_modified else {}
        try:
            async with (
                asyncio.timeout(PAGE_SECONDS),
                open_client(self._policy, timeout=_TIMEOUT, headers=HEADERS) as client,
            ):
                return await self._follow(client, url, since=since, limit=limit, obeys=obeys)
        except EgressRefused as exc:
            raise PageFailed(exc.message, reason=exc.code) from exc
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise PageFailed("The server did not answer in time.", reason="timeout", again=True) from exc
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise PageFailed("This is no address to fetch.", reason="bad_url") from exc
        except httpx.DecodingError as exc:
            raise PageFailed("The answer cannot be decoded.", reason="unreadable") from exc
        except httpx.TransportError as exc:
            message = f"The server cannot be reached: {str(exc) or type(exc).__name__}."
            raise PageFailed(message, reason="unreachable", again=True) from exc

    def delay(self, url: str) -> float:
        """The seconds that the host asks to be left alone between two pages."""
        robots = self._robots.get(_origin(url))
        asked = robots.crawl_delay(AGENT) if robots is not None else None
        return min(float(asked), MAX_DELAY) if asked else 0.0

    async def _follow(
        self, client: httpx.AsyncClient, url: str, *, since: Mapping[str, str], limit: int, obeys: bool
    ) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            if obeys and not await self._may(client, url):
                raise PageFailed(f"The robots.txt of {urlsplit(url).netloc} asks not to read it.", reason="robots")
            async with client.stream("GET", url, headers=dict(since)) as response:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    url = urljoin(url, response.headers["location"])
                    continue
                return await _read(response, url=url, limit=limit)
        raise PageFailed(f"The server redirects more than {MAX_REDIRECTS} times.", reason="redirects")

    async def _may(self, client: httpx.AsyncClient, url: str) -> bool:
        origin = _origin(url)
        if origin not in self._robots:
            self._robots[origin] = await _robots_of(client, origin)
        return self._robots[origin].can_fetch(AGENT, url)


async def _read(response: httpx.Response, *, url: str, limit: int) -> Fetched:
    status, headers = response.status_code, response.headers
    if status not in (200, 304):
        gone = status in (404, 410)
        reason = "gone" if gone else "http_status"
        again = status >= 500 or status == 429
        raise PageFailed(f"The server answers {status}.", reason=reason, again=again, status=status)
    content, whole = await read_bounded(response, limit=limit)
    if not whole:
        message = f"The page is larger than {limit >> 20} MB. Upload it as a file instead."
        raise PageFailed(message, reason="too_large")
    return Fetched(
        url=url,
        status=status,
        content=content,
        content_type=headers.get("content-type", "")[:200],
        etag=headers.get("etag", "")[:300],
        last_modified=headers.get("last-modified", "")[:100],
    )


async def _robots_of(client: httpx.AsyncClient, origin: str) -> RobotFileParser:
    """RFC 9309: a host without robots.txt allows everything; one whose robots.txt does not answer, nothing."""
    url, found = f"{origin}/robots.txt", RobotFileParser()
    for _ in range(MAX_REDIRECTS + 1):
        async with client.stream("GET", url) as response:
            if response.status_code in _REDIRECTS and "location" in response.headers:
                url = urljoin(url, response.headers["location"])
                continue
            if response.status_code >= 500 or response.status_code == 429:
                message = f"The robots.txt of {urlsplit(origin).netloc} does not answer, so nothing is read there."
                raise PageFailed(message, reason="robots_unavailable", again=True)
            if response.status_code != 200:
                break
            text, _whole = await read_bounded(response, limit=MAX_ROBOTS_BYTES)
            found.parse(text.decode("utf-8", errors="replace").splitlines())
            return found
    found.parse([])
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
