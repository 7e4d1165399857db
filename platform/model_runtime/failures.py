"""Translates what providers and networks do wrong into the typed errors: status codes, bodies, exceptions."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from model_runtime.errors import (
    BadModelRequest,
    ContextTooLong,
    InsufficientQuota,
    ModelError,
    ModelRefused,
    ProviderMisconfigured,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnauthorizedProvider,
)

MAX_MESSAGE = 300

_TOO_LONG = re.compile(
    r"context.{0,12}(length|window|size)|maximum.{0,30}tokens|too many tokens|(prompt|input) is too long"
    r"|reduce the length|exceeds? .{0,40}(context|token)|上下文|超长",
    re.I,
)
_REFUSED = re.compile(r"content.?(filter|policy|management)|safety|moderation|inappropriate|sensitive", re.I)
_QUOTA = re.compile(
    r"insufficient.?(quota|balance|credit|funds)|exceeded your current quota|billing|arrears|欠费|余额不足",
    re.I,
)
_MODEL = re.compile(r"model.?not.?(found|exist)|no such model|does not exist|unknown model|模型不存在", re.I)
# What MiniMax means by the numbers it sends with status 200, in the numbers that all others use.
_OF_MINIMAX = {1002: 429, 1039: 429, 1004: 401, 2049: 401, 1008: 402, 1000: 500, 1001: 504, 1024: 500, 2013: 400}
_SECRET_LIKE = re.compile(r"\b(sk|pk|rk|key|api|tok)[-_][\w*.\-]{6,}|Bearer\s+\S+", re.I)


@contextmanager
def translated(provider: str) -> Iterator[None]:
    """Turn timeouts and network failures inside the block into typed errors."""
    try:
        yield
    except (httpx.TimeoutException, TimeoutError) as exc:
        doing = "accept a connection" if isinstance(exc, httpx.ConnectTimeout) else "answer"
        raise ProviderTimeout(f"{provider} did not {doing} in time.", provider=provider) from exc
    except httpx.ConnectError as exc:
        raise ProviderUnavailable(f"{provider} cannot be reached.", provider=provider) from exc
    except httpx.UnsupportedProtocol as exc:
        raise ProviderMisconfigured(f"The address of {provider} must begin with http:// or https://.") from exc
    except (httpx.HTTPError, httpx.StreamError) as exc:
        raise ProviderUnavailable(f"The connection to {provider} broke off.", provider=provider) from exc


def from_status(status: int, *, headers: Mapping[str, str], body: bytes, endpoint_name: str, secret: str) -> ModelError:
    """The error that a refused request means."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = body.decode("utf-8", "replace")
    facts = _Facts.read(value, secret=secret)
    return _choose(status, facts, provider=endpoint_name, retry_after=_retry_after(headers))


def is_error(value: Any) -> bool:
    """Whether a reply that came with status 200 tells of an error, in one of the ways that providers do."""
    if not isinstance(value, dict):
        return False
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, None):
        return True
    if value.get("error"):
        return True
    holds_result = any(value.get(each) for each in ("data", "choices", "results", "output", "embeddings"))
    code = str(value.get("code") or "")
    return not holds_result and (
        value.get("object") == "error" or (code not in ("", "0", "200") and "message" in value)
    )


def from_body(value: Mapping[str, Any], *, endpoint_name: str, secret: str) -> ModelError:
    """The error that an `error` object inside a 200 reply or a stream means."""
    facts = _Facts.read(value, secret=secret)
    return _choose(facts.status, facts, provider=endpoint_name, retry_after=None)


class _Facts:
    """What an error body says, whatever its shape, with secrets taken out."""

    def __init__(self, *, message: str, kind: str, param: str, status: int) -> None:
        self.message, self.kind, self.param, self.status = message, kind, param, status

    @classmethod
    def read(cls, value: Any, *, secret: str) -> _Facts:
        error = value.get("error", value) if isinstance(value, dict) else value
        if isinstance(error, dict) and isinstance(base := error.get("base_resp"), dict):
            code: Any = base.get("status_code")
            error = {"code": _OF_MINIMAX.get(code, code), "message": base.get("status_msg")}
        if not isinstance(error, dict):
            return cls(message=_clean(error, secret) if isinstance(error, str) else "", kind="", param="", status=0)
        message = error.get("message") or error.get("detail") or error.get("msg") or ""
        code, kind = error.get("code"), error.get("type")
        number = next((int(each) for each in map(str, (code, error.get("status"))) if each.isdecimal()), 0)
        return cls(
            message=_clean(message if isinstance(message, str) else orjson.dumps(message).decode(), secret),
            kind=f"{code or ''} {kind or ''}".strip().lower(),
            param=str(error.get("param") or ""),
            status=number if 400 <= number <= 599 else 0,
        )

    def match(self, pattern: re.Pattern[str]) -> bool:
        """Whether code, type or message fit."""
        return bool(pattern.search(self.kind) or pattern.search(self.message))


def _choose(status: int, facts: _Facts, *, provider: str, retry_after: float | None) -> ModelError:
    said = f": {facts.message}" if facts.message else "."
    known: dict[str, Any] = {"provider": provider, **({"status": status} if status else {})}
    if status in (401, 403) or "invalid_api_key" in facts.kind or "authentication" in facts.kind:
        # Providers repeat parts of the key in this message, so it is not passed on.
        return UnauthorizedProvider(f"{provider} refuses the key that is stored for it.", **known)
    if status == 402 or (facts.match(_QUOTA) and status in (0, 400, 429)):
        return InsufficientQuota(f"{provider}: the account has no credit left{said}", **known)
    if status == 429 or "rate_limit" in facts.kind:
        return RateLimited(f"{provider} takes no more requests for now{said}", retry_after=retry_after, **known)
    if status in (408, 504, 524):
        return ProviderTimeout(f"{provider} did not answer in time{said}", **known)
    if status >= 500 or "overloaded" in facts.kind or "server_error" in facts.kind:
        return ProviderUnavailable(f"{provider} is in trouble{said}", **known)
    if status == 413 or facts.match(_TOO_LONG):
        return ContextTooLong(f"The text is longer than the model takes{said}", **known)
    if facts.match(_REFUSED):
        return ModelRefused(f"{provider} declined to answer{said}", **known)
    if status in (404, 405) or 300 <= status < 400 or facts.match(_MODEL):
        return ProviderMisconfigured(f"{provider} has no such model or address{said}", **known)
    if status in (400, 409, 422) or "invalid_request" in facts.kind:
        return BadModelRequest(f"{provider} rejects the request{said}", param=facts.param, **known)
    return ProviderUnavailable(f"{provider} reports an error{said}", **known)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After (a number or a date) or its millisecond variant."""
    if (millis := headers.get("retry-after-ms", "")).isdigit():
        return int(millis) / 1000
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, min(seconds, 3600.0)) if seconds == seconds else None


def _clean(message: str, secret: str) -> str:
    if secret:
        message = message.replace(secret, "[key]")
    message = _SECRET_LIKE.sub("[key]", " ".join(message.split()))
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"
