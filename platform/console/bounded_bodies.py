"""Keeps request bodies within a limit at the door: Daphne takes whatever is sent, and hands it on from memory."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from daphne import http_protocol

from support.api import error_body

#: A body that is too large is read to its end and dropped, so that the answer arrives; this many limits of it at most.
PATIENCE = 4
#: A header that only a proxy of ours could mean; from anybody else it would bend every address we write.
ROOT_PATH_HEADER = b"daphne-root-path"


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # Daphne has no types
    """A request of which no more than the limit is ever kept."""

    limit: ClassVar[int]
    _received = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        # Twisted would read forms too, on the event loop and for nobody: Django does it again, on a thread.
        super().__init__(*args, **{**options, "parsePOSTFormSubmission": False})

    def __repr__(self) -> str:
        """What Daphne logs of a request whose caller left early; addresses may be secret and stay out of it."""
        return f"<{type(self).__name__} {self.method!r}>"

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Choose where the body is kept; a length that is only claimed reserves nothing."""
        super().gotLength(length if length is None else min(length, self.limit))

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep a piece of the body, or drop it once the limit is passed."""
        self._received += len(data)
        if self._received <= self.limit:
            super().handleContentChunk(data)
        elif self._received > PATIENCE * self.limit:
            self.channel.loseConnection()

    def process(self) -> Any:
        """Hand the request on, unless its body was too large."""
        self.requestHeaders.removeHeader(ROOT_PATH_HEADER)
        if self._received <= self.limit:
            return super().process()
        message = f"The body is larger than {self.limit:,} bytes."
        body = orjson.dumps(error_body("file_too_large", message, 413))
        headers = [(b"Content-Type", b"application/json"), (b"Connection", b"close")]
        self.handle_reply({"type": "http.response.start", "status": 413, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body})
        return None


def bound_request_bodies(*, limit: int) -> None:
    """From now on Daphne's connections take no body beyond the limit."""
    BoundedRequest.limit = limit
    http_protocol.WebRequest = BoundedRequest
