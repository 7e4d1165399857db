"""Why the sandbox did not run a piece of code. How the code itself fared is no error: that is a `RunResult`.

SandboxError
├── SandboxOff            503   there is none, by choice or because this system cannot isolate code; says how to get one
├── SandboxUnreachable    503   it is configured and cannot be connected to; nothing was sent
├── SandboxBusy           429   its queue stayed full; nothing was run
├── SandboxLost           503   the connection ended after the code was sent; it may have run, and was killed
├── SandboxUnauthorized   503   it refuses our key: for the operator
└── SandboxRejected       400   it does not take the request, or what it was asked for is over a limit
    └── SandboxProfileUnavailable 400   the wanted profile or language is not installed there
"""

from __future__ import annotations

from typing import ClassVar

from support.errors import Unavailable

#: Shown with every SandboxOff, so that whoever meets it knows the way on.
HOW_TO_GET_ONE = (
    "Change what the reason names, or run `python -m apps.sandbox.sidecar --listen HOST:PORT` with a SANDBOX_API_KEY "
    "on a Linux machine or in a container, and start Skep with SANDBOX_URL=http://HOST:PORT and the same key."
)


class SandboxError(Unavailable):
    """The sandbox did not answer with a result. `retryable` tells whether asking again may help."""

    retryable: ClassVar[bool] = False


class SandboxOff(SandboxError):
    """Code nodes are off here; `reason` says why, and the message how to get a sandbox elsewhere."""

    code = "sandbox_off"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Code cannot be run here: {reason.rstrip('. ')}. {HOW_TO_GET_ONE}", reason=reason)
        self.reason = reason


class SandboxUnreachable(SandboxError):
    """Nothing answers at the sandbox's address, or what answers is none. Nothing was run."""

    code = "sandbox_unreachable"
    retryable = True


class SandboxBusy(SandboxError):
    """All of the sandbox's places are taken, and waiting did not help. Nothing was run."""

    code = "sandbox_busy"
    http_status = 429
    retryable = True


class SandboxLost(SandboxError):
    """The connection died after the code was sent: nobody knows how far it came."""

    code = "sandbox_lost"
    retryable = True


class SandboxUnauthorized(SandboxError):
    """The sandbox refuses SANDBOX_API_KEY."""

    code = "sandbox_unauthorized"


class SandboxRejected(SandboxError):
    """The sandbox does not take the request; `details["path"]` names the field where there is one."""

    code = "sandbox_rejected"
    http_status = 400


class SandboxProfileUnavailable(SandboxRejected):
    """The sandbox knows the profile or language, and lacks what it needs; the message says how to install it."""

    code = "sandbox_profile_unavailable"
