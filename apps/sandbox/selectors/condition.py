"""How the sandbox is, in one of a few words that pages, probes and the shell share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_noop

from apps.sandbox.door import Door, ask_health
from apps.sandbox.errors import SandboxError, SandboxOff, SandboxUnauthorized


class State(StrEnum):
    """The sandbox as Skep sees it."""

    OK = "ok"
    #: It runs code, and says itself that a layer of its isolation is missing.
    DEGRADED = "degraded"
    #: Coming up, or about to be replaced.
    STARTING = "starting"
    #: There is none, by choice or because this system cannot isolate code.
    OFF = "off"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"


#: What it says of itself; any word that we do not know is no good sign.
STATE_OF = {"ok": State.OK, "starting": State.STARTING, "stopping": State.STARTING}
KEY_UNKNOWN = gettext_noop("The sandbox does not know our key.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Its state, why it is not well, and everything it says of itself."""

    state: State
    #: Where it is, as the operator wrote it; empty where none is configured.
    address: str
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def current_condition(*, timeout_s: float = 2.0) -> Condition:
    """Ask the configured sandbox how it is, once; an error becomes a state with its reason."""
    door = Door.from_settings()
    address = str(door.address or "")
    try:
        facts = ask_health(door, timeout_s=timeout_s)
    except SandboxOff as exc:
        return Condition(state=State.OFF, address=address, reason=exc.reason)
    except SandboxUnauthorized as exc:
        return Condition(state=State.UNAUTHORIZED, address=address, reason=exc.message)
    except SandboxError as exc:
        return Condition(state=State.UNREACHABLE, address=address, reason=exc.message)
    if "layers" not in facts:  # over TCP it tells strangers its status only
        return Condition(state=State.UNAUTHORIZED, address=address, reason=KEY_UNKNOWN)
    return Condition(state=STATE_OF.get(facts["status"], State.DEGRADED), address=address, facts=facts)
