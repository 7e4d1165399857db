"""Keeps request bodies within limits at the door: Daphne takes whatever is sent, and hands it on from memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from daphne import http_protocol

from support.api import error_body

#: A body that is too large is read to its end and dropped, so that the answer arrives; so many times the largest
#: limit at most. Of what says that it is larger nothing is read.
PATIENCE = 4
#: A header that only a proxy of ours could mean; from anybody else it would bend every address we write.
ROOT_PATH_HEADER = b"daphne-root-path"


def json_refusal(_content_type: str, message: str) -> tuple[str, bytes]:
    """What most of our callers are told: an error in JSON."""
    return "application/json", orjson.dumps(error_body("file_too_large", message, 413))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A smaller limit for bodies that come to certain addresses, or only for those of certain content types."""

    limit: int
    #: Whether an address is meant.
    covers: Callable[[str], bool]
    #: Content types in small letters, without parameters; none means all.
    kinds: frozenset[str] = frozenset()
    #: Content type and message -> content type and body of the refusal.
    refusal: Callable[[str, str], tuple[str, bytes]] = json_refusal


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # Daphne has no types
    """A request of which no more than its limit is ever kept."""

    limit: ClassVar[int]
    bounds: ClassVar[Sequence[Bound]] = ()
    _received = 0
    _most = 0
    _refusal: Callable[[str, str], tuple[str, bytes]] = staticmethod(json_refusal)
    _is_refused = False

    def __init__(self, *args: Any, **options: Any) -> None:
        # Twisted would read forms too, on the event loop and for nobody: Django does it again, on a thread.
        super().__init__(*args, **{**options, "parsePOSTFormSubmission": False})

    def __repr__(self) -> str:
        """What Daphne logs of a request whose caller left early; addresses may be secret and stay out of it."""
        return f"<{type(self).__name__} {self.method!r}>"

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Choose where the body is kept; a length that is only claimed reserves nothing."""
        self._find_bound()
        super().gotLength(length if length is None else min(length, self._most))
        waits = self._header(b"expect").lower() == "100-continue"
        if length is not None and length > (self._most if waits else PATIENCE * self.limit):
            self._refuse_unread()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep a piece of the body, or drop it once the limit is passed."""
        self._received += len(data)
        if self._received <= self._most and not self._is_refused:
            super().handleContentChunk(data)
        elif self._received > PATIENCE * self.limit:
            self.channel.loseConnection()

    def process(self) -> Any:
        """Hand the request on, unless its body was too large."""
        self.requestHeaders.removeHeader(ROOT_PATH_HEADER)
        if self._is_refused:
            return None
        if self._received <= self._most:
            return super().process()
        kind, body = self._refused()
        headers = [(b"Content-Type", kind.encode()), (b"Connection", b"close")]
        self.handle_reply({"type": "http.response.start", "status": 413, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body})
        return None

    def _find_bound(self) -> None:
        """Which limit holds: the first of those that cover the address, or the one for all."""
        self._most = self.limit
        # The request itself learns its address when its body has come.
        path = self.channel._path.partition(b"?")[0].decode("latin-1")
        kind = self._header(b"content-type").partition(";")[0].strip().lower()
        for bound in self.bounds:
            if bound.covers(path) and (not bound.kinds or kind in bound.kinds):
                self._most, self._refusal = min(bound.limit, self.limit), bound.refusal
                return

    def _refuse_unread(self) -> None:
        """Answer before anything of the body has come, and hang up."""
        self._is_refused = True
        self.requestHeaders.removeHeader(b"expect")  # nobody is told to go on
        kind, body = self._refused()
        head = f"HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.channel.transport.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        self.channel.loseConnection()

    def _refused(self) -> tuple[str, bytes]:
        return self._refusal(self._header(b"content-type"), f"The body is larger than {self._most:,} bytes.")

    def _header(self, name: bytes) -> str:
        values: list[bytes] = self.requestHeaders.getRawHeaders(name) or [b""]
        return values[0].decode("latin-1")


def bound_request_bodies(*, limit: int, bounds: Sequence[Bound] = ()) -> None:
    """From now on Daphne's connections take no body beyond the limit, nor beyond the first bound that covers it."""
    BoundedRequest.limit, BoundedRequest.bounds = limit, bounds
    http_protocol.WebRequest = BoundedRequest
