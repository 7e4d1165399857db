"""Sends one export over OTLP/HTTP through the guarded way out, and reads the answer as the protocol means it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx
from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from support.egress import EgressRefused, open_client, policy_from_env, read_bounded

SECONDS = 20.0
MAX_ANSWER = 64 * 1024
_AGAIN = frozenset({408, 429, 502, 503, 504})


class NotSent(Exception):
    """The destination did not take a batch."""

    def __init__(self, message: str, *, again: bool, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.again = again
        self.wait_s = wait_s


def post(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Send one export; what the receiver warns of, if anything. Raises NotSent."""
    own = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    return async_to_sync(_exchange)(url, gzip.compress(body, 6), {**headers, **own})


async def _exchange(url: str, content: bytes, headers: Mapping[str, str]) -> str:
    policy = policy_from_env({"EGRESS_ALLOW": settings.EGRESS_ALLOW, "EGRESS_DENY": settings.EGRESS_DENY})
    try:
        async with (
            asyncio.timeout(SECONDS),
            open_client(policy, timeout=SECONDS) as client,
            client.stream("POST", url, content=content, headers=headers) as response,
        ):
            answer, whole = await read_bounded(response, limit=MAX_ANSWER)
    except EgressRefused as exc:
        raise NotSent(exc.message, again=True) from exc
    except (TimeoutError, httpx.TimeoutException) as exc:
        raise NotSent(f"It did not answer within {SECONDS:.0f} seconds.", again=True) from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as exc:
        raise NotSent("That is not an address, or a header cannot be sent.", again=True) from exc
    except httpx.HTTPError as exc:
        raise NotSent(f"It cannot be reached: {str(exc) or type(exc).__name__}.", again=True) from exc
    status = response.status_code
    if not 200 <= status < 300:
        # Credentials that are wrong today may be right tomorrow: only what is wrong with the traces is given up.
        again = status in _AGAIN or status in (401, 403, 404)
        wait = _wait_of(response.headers.get("retry-after", "")) if status in (429, 503) else None
        raise NotSent(f"It answers {status}.", again=again, wait_s=wait)
    return _warning(answer) if whole else ""


def _warning(answer: bytes) -> str:
    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return ""  # some receivers answer with JSON or nothing: taken is taken
    if not partial.rejected_spans and not partial.error_message:
        return ""
    return f"It refused {partial.rejected_spans} spans: {partial.error_message}"


def _wait_of(header: str) -> float | None:
    """`Retry-After`: seconds, or a date."""
    if header.isdecimal() and len(header) < 9:
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - timezone.now()).total_seconds()) if header else None
    except (ValueError, TypeError):
        return None
