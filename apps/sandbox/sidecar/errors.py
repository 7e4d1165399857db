"""What the sidecar refuses, and how it says so.

SandboxError
├── StartRefused            the machine cannot keep the promise: exit 78
└── RequestRefused          an HTTP answer of one shape: {"error": {"code", "message", "path"?}}
    ├── BadRequest 400, BrokenRequest 400   ├── Unauthorized 401   ├── NotFound 404   ├── MethodNotAllowed 405
    ├── LengthRequired 411   ├── TooLarge 413   ├── Busy 429   ├── Unavailable 503
    └── ProfileUnavailable 400   └── LanguageUnavailable 400
"""

from __future__ import annotations

EX_CONFIG = 78


class SandboxError(Exception):
    """Everything that the sidecar raises on purpose."""


class StartRefused(SandboxError):
    """The sidecar will not serve here; the message is one line for the operator."""


class RequestRefused(SandboxError):
    """A request that gets an error instead of a run."""

    status = 400
    code = "malformed"
    retry_after: int | None = None
    #: Whether the connection can go on, or what follows on it could be misread.
    closes = False

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class BadRequest(RequestRefused):
    """The body is not in the wire format."""


class BrokenRequest(RequestRefused):
    """The bytes are not HTTP as the sidecar speaks it."""

    closes = True


class Unauthorized(RequestRefused):
    """No key, or not the right one."""

    status, code, closes = 401, "unauthorized", True


class NotFound(RequestRefused):
    """No such path, or no such run."""

    status, code = 404, "not_found"


class MethodNotAllowed(RequestRefused):
    """The path exists, for other methods."""

    status, code = 405, "method_not_allowed"


class LengthRequired(RequestRefused):
    """A body without Content-Length."""

    status, code, closes = 411, "length_required", True


class TooLarge(RequestRefused):
    """A body or head beyond its limit."""

    status, code, closes = 413, "too_large", True


class Busy(RequestRefused):
    """The queue of the profile is full."""

    status, code, retry_after = 429, "busy", 1


class Unavailable(RequestRefused):
    """Nothing was run: the sandbox starts, stops, or replaces a zygote."""

    status, code, retry_after = 503, "unavailable", 1


class Mistaken(RequestRefused):
    """A mistake of the sidecar's own; what it was stands in its log."""

    status, code, closes = 500, "internal", True


class ProfileUnavailable(RequestRefused):
    """The profile does not exist or cannot start here; the message says what would help."""

    code = "profile_unavailable"


class LanguageUnavailable(RequestRefused):
    """The language cannot be run here, or not in this profile."""

    code = "language_unavailable"
