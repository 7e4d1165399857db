"""Sends a notice to a webhook: through the guarded way out, signed the way Standard Webhooks describes.

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, with the
secret's bytes (what follows `whsec_`, from base64) as the key. A notice keeps its id over all tries.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

import httpx
import orjson
from asgiref.sync import async_to_sync
from django.conf import settings

from apps.traces.models.alert import SECRET_PREFIX
from apps.traces.services.alerts.errors import NotDelivered
from support.egress import EgressPolicy, EgressRefused, open_client, policy_from_env, read_bounded

SECONDS = 10.0
#: Only the beginning of an answer is of use, in the page's list of notices.
MAX_ANSWER = 2_000


def post(url: str, *, notice_id: str, body: dict[str, Any], secret: str, timestamp: int) -> None:
    """Deliver a body. Blocks up to ten seconds. Raises NotDelivered, which says whether another try makes sense."""
    content = orjson.dumps(body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Skep-Alerts/1",
        "webhook-id": notice_id,
        "webhook-timestamp": str(timestamp),
    }
    if secret:
        headers["webhook-signature"] = signature(secret, notice_id, timestamp, content)
    async_to_sync(_post)(url, content, headers)


def signature(secret: str, notice_id: str, timestamp: int, content: bytes) -> str:
    """What `webhook-signature` says for these bytes."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{notice_id}.{timestamp}.".encode() + content, sha256).digest()
    return f"v1,{b64encode(digest).decode()}"


async def _post(url: str, content: bytes, headers: dict[str, str]) -> None:
    try:
        async with (
            asyncio.timeout(SECONDS),
            open_client(_policy(), timeout=SECONDS) as client,
            client.stream("POST", url, content=content, headers=headers) as response,
        ):
            answer, _whole = await read_bounded(response, limit=MAX_ANSWER)
    except EgressRefused as exc:
        raise NotDelivered(exc.message, again=False) from exc
    except (TimeoutError, httpx.TimeoutException) as exc:
        raise NotDelivered(f"It did not answer within {SECONDS:.0f} seconds.") from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as exc:
        raise NotDelivered("That is not an address.", again=False) from exc
    except httpx.HTTPError as exc:
        raise NotDelivered(f"It cannot be reached: {str(exc) or type(exc).__name__}.") from exc
    if not 200 <= response.status_code < 300:
        # What the receiver says about itself helps; a refusal for good is not argued with.
        said = answer.decode("utf-8", "replace").strip().replace("\x00", "")[:120]
        again = response.status_code >= 500 or response.status_code in (408, 425, 429)
        raise NotDelivered(f"It answers {response.status_code}{f': {said}' if said else '.'}", again=again)


def _policy() -> EgressPolicy:
    """What the operator lets webhooks reach."""
    return policy_from_env({"EGRESS_ALLOW": settings.EGRESS_ALLOW, "EGRESS_DENY": settings.EGRESS_DENY})
