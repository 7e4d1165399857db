"""The ASGI application that takes OTLP before Django does: no middleware, bounded work, answers in kind."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from accounts.models import ApiKey
from apps.traces.otlp import answers
from apps.traces.otlp.bodies import LIMIT, too_large
from apps.traces.otlp.intake import Export, admitted, take
from apps.traces.otlp.senders import Senders, secret_of
from support.errors import Busy, ConsoleError, InvalidInput, Unavailable

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
#: Django's own type for it names its scopes more narrowly than it means.
Application = Callable[[Any, Any, Any], Awaitable[None]]

_ROOTS = ("/otel/v1/", "/api/public/otel/v1/", "/v1/")
#: Address -> whether traces are kept there; metrics and logs are answered and dropped.
PATHS: Mapping[str, bool] = {
    f"{root}{signal}": signal == "traces" for root in _ROOTS for signal in ("traces", "metrics", "logs")
}
_TYPES = {
    "application/x-protobuf": answers.PROTOBUF,
    "application/protobuf": answers.PROTOBUF,
    "application/json": answers.JSON,
}
#: Requests at work at once, and requests that may wait for them in all and from one key.
WORKERS = 4
WAITING = 64
WAITING_OF_ONE = 24
#: How long a body may take to come, in seconds: who sends a byte a minute must not keep a place for ever.
BODY_S = 120.0


def is_otlp(path: str) -> bool:
    """Whether an address is one of OTLP's."""
    return _without_slash(path) in PATHS


def too_large_for_otlp(content_type: str, _message: str) -> tuple[str, bytes]:
    """The content type and the body of the refusal that the web server sends while a body is still coming."""
    kind = _TYPES.get(_plain(content_type.encode("latin-1")), answers.JSON)
    return kind, answers.refusal(kind, status=413, message=too_large().message).body


class TypeNotTaken(InvalidInput):
    """A content type that is not spoken here."""

    code = "unsupported_media_type"
    http_status = 415


class OtlpReceiver:
    """Answers OTLP's addresses, and hands every other request on."""

    def __init__(
        self,
        otherwise: Application,
        *,
        senders: Senders | None = None,
        intake: Callable[[Export], answers.Answer] = take,
        waiting: int = WAITING,
    ) -> None:
        self._otherwise = otherwise
        self._intake = intake
        self._senders = senders or Senders()
        self._waiting = waiting
        self._present: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="otlp")
        self._door = ThreadPoolExecutor(max_workers=2, thread_name_prefix="otlp-keys")

    @property
    def present(self) -> int:
        """How many requests are here now, at work or waiting."""
        return self._present.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        is_traces = PATHS.get(_without_slash(scope["path"]))
        if is_traces is None:
            await self._otherwise(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        content_type = _TYPES.get(_plain(headers.get(b"content-type", b"")), "")
        try:
            answer = await self._answer(scope, headers, content_type, receive, is_traces=is_traces)
        except ConsoleError as exc:
            answer = answers.refusal(
                content_type or answers.JSON,
                status=exc.http_status,
                message=exc.message,
                retry_after=answers.WAIT_S if exc.http_status in (429, 503) else None,
            )
        except _Gone:
            return
        await _respond(answer, send)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], content_type: str, receive: Receive, *, is_traces: bool
    ) -> answers.Answer:
        if scope["method"] != "POST":
            return answers.refusal(answers.JSON, status=405, message="Traces are sent by POST.")
        if not content_type:
            raise TypeNotTaken("Send application/x-protobuf or application/json.")
        secret = secret_of(headers.get(b"authorization", b"").decode("latin-1"))
        who = partial(self._senders.sender, secret)
        # Before anything is kept for it: strangers take no room, however many come and however slowly they speak.
        if not self._senders.knows(secret):
            await asyncio.get_running_loop().run_in_executor(self._door, admitted, who)
        # Digests, not keys: what is remembered must be of no use to whoever reads memory.
        digest = ApiKey.digest_of(secret)
        self._make_room(digest)
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(headers, receive)
            export = Export(
                body=body,
                encoding=headers.get(b"content-encoding", b"").decode("latin-1"),
                content_type=content_type,
                is_traces=is_traces,
                who=who,
            )
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._taken, export)
        except TimeoutError:
            return answers.refusal(content_type, status=408, message="The body took too long to come.")
        finally:
            self._present[digest] -= 1
            if not self._present[digest]:
                del self._present[digest]

    def _taken(self, export: Export) -> answers.Answer:
        try:
            return self._intake(export)
        except ConsoleError:
            raise
        except Exception:  # border: a sender gets an answer whatever happens, and the log says what did
            logger.exception("an export of traces could not be taken")
            return answers.refusal(export.content_type, status=500, message="Something went wrong on our side.")

    def _make_room(self, digest: str) -> None:
        """Count the request in. Raises Unavailable when too many wait, Busy when too many of this key do."""
        if self._present.total() >= self._waiting:
            raise Unavailable("Too many traces arrive just now. Send them again later.")
        if self._present[digest] >= min(WAITING_OF_ONE, self._waiting):
            raise Busy("This key sends more at once than is taken. Send larger batches, or fewer at once.")
        self._present[digest] += 1


class _Gone(Exception):
    """The sender left before its body had come."""


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The body. Raises TooLarge as soon as it is known to be."""
    claimed = headers.get(b"content-length", b"0")
    if claimed.isdigit() and int(claimed[:20]) > LIMIT:
        raise too_large()
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > LIMIT:
            raise too_large()
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _respond(answer: answers.Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers),
        *([(b"allow", b"POST")] if answer.status == 405 else []),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _plain(content_type: bytes) -> str:
    return content_type.partition(b";")[0].strip().lower().decode("latin-1")


def _without_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") else path
