"""The root of the error tree that people and programs see.

ConsoleError                    carries a stable code, an HTTP status and facts, never secrets
├── InvalidInput      400       the request is wrong; `errors` lists every fault with its path
├── NotAuthenticated  401
├── NotAllowed        403
├── NotFound          404       also used when it exists but is not yours
├── Conflict          409
├── TooLarge          413
├── Busy              429
└── Unavailable       503       a service that we need does not answer
Packages derive their own below these; `docs/errors.md` lists every code.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ConsoleError(Exception):
    """An error with a code that clients may rely on and a message written for the reader."""

    code: ClassVar[str] = "internal_server_error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """The wire shape `{code, message, status}`, plus `details` where there are any."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.http_status}
        if self.details:
            body["details"] = self.details
        return body


class InvalidInput(ConsoleError):
    """What was sent cannot be used; nothing was changed."""

    code = "invalid_param"
    http_status = 400


class NotAuthenticated(ConsoleError):
    """No key, or one that is unknown, expired or revoked."""

    code = "unauthorized"
    http_status = 401


class NotAllowed(ConsoleError):
    """Known, but without the right this takes."""

    code = "forbidden"
    http_status = 403


class NotFound(ConsoleError):
    """It does not exist, or it is not yours; the two are never told apart."""

    code = "not_found"
    http_status = 404


class Conflict(ConsoleError):
    """The change collides with what stands."""

    code = "conflict"
    http_status = 409


class TooLarge(ConsoleError):
    """The body or a value is over its limit."""

    code = "file_too_large"
    http_status = 413


class Busy(ConsoleError):
    """Too much at once; try again later."""

    code = "too_many_requests"
    http_status = 429


class Unavailable(ConsoleError):
    """A service that the request needs does not answer."""

    code = "unavailable"
    http_status = 503
