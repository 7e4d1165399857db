"""Who sends: the key of a request, looked up at most once in a few seconds."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import ApiKey
from accounts.selectors import api_key_for
from accounts.services import note_key_use
from support.errors import ConsoleError, NotAllowed, NotAuthenticated

SCOPE = "traces:write"
#: How long a key that was closed may still work, and how long a wrong one is remembered.
KNOWN_FOR_S = 10.0
UNKNOWN_FOR_S = 3.0
_REMEMBERED = 4_096
_HOW = "Send a key for traces as `Authorization: Bearer traces-...`, or as the password of Basic authentication."


@dataclass(frozen=True, slots=True)
class Sender:
    """The team that a key belongs to, and the app, if the key is for the traces of one."""

    team_id: UUID
    application_id: UUID | None


def secret_of(header: str) -> str:
    """The key in an Authorization header: a bearer token, the password of Basic, or the bare key as logfire sends it.

    Raises NotAuthenticated where there is none.
    """
    scheme, _, rest = header.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer" and rest:
        return rest
    if scheme.lower() == "basic" and rest:
        try:
            _public, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as exc:
            raise NotAuthenticated(_HOW) from exc
        if secret:
            return secret
    if not rest and scheme.startswith(f"{ApiKey.Subject.TRACES}-"):
        return scheme
    raise NotAuthenticated(_HOW)


def look_up(secret: str) -> Sender:
    """The sender behind a key, from the database. Raises NotAuthenticated, NotAllowed."""
    key = api_key_for(secret)
    if key.subject_kind != ApiKey.Subject.TRACES:
        raise NotAllowed("This key does not take traces. Make one that does under Traces, OpenTelemetry.")
    if SCOPE not in key.scopes:
        raise NotAllowed(f"This key lacks the scope {SCOPE!r}. Make one that has it.", scope=SCOPE)
    note_key_use(key)
    return Sender(key.team_id, None if key.subject_id == key.team_id else key.subject_id)


class Senders:
    """Remembers for a moment who is behind a key. Safe to ask from several threads."""

    def __init__(
        self,
        *,
        ask: Callable[[str], Sender] = look_up,
        clock: Callable[[], float] = time.monotonic,
        known_for: float = KNOWN_FOR_S,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._known_for = known_for
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, Sender | ConsoleError]] = OrderedDict()

    def knows(self, secret: str) -> bool:
        """Whether the key was found good a moment ago, so that asking costs nothing."""
        with self._lock:
            until, found = self._found.get(ApiKey.digest_of(secret), (0.0, None))
        return isinstance(found, Sender) and until > self._clock()

    def sender(self, secret: str) -> Sender:
        """The sender. Raises NotAuthenticated, NotAllowed."""
        # A digest: what is remembered must be of no use to whoever reads memory.
        digest = ApiKey.digest_of(secret)
        with self._lock:
            until, found = self._found.get(digest, (0.0, None))
        if found is None or until <= self._clock():
            found = self._fresh(digest, secret)
        if isinstance(found, Sender):
            return found
        raise type(found)(found.message, **found.details)

    def _fresh(self, digest: str, secret: str) -> Sender | ConsoleError:
        found: Sender | ConsoleError
        try:
            found, lasts = self._ask(secret), self._known_for
        except (NotAuthenticated, NotAllowed) as exc:
            found, lasts = exc, min(UNKNOWN_FOR_S, self._known_for)
        with self._lock:
            self._found[digest] = (self._clock() + lasts, found)
            self._found.move_to_end(digest)
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found
