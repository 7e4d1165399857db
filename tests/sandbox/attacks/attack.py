"""What an attack is: code, the point of the threat list it stands for, and what must come of it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]
#: Says what is wrong with a result; empty if it is what it must be.
Expectation = Callable[[Result], str]
EVERY_MODE = ("root", "userns", "landlock")
#: Where there are namespaces, a run does not even see that something exists.
NAMESPACED = ("root", "userns")
CASES = Path(__file__).with_name("cases")
PRELUDES = {"python3": CASES / "prelude.py", "javascript": CASES / "prelude.js"}
X86_64 = platform.machine() == "x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack. `facts` asks for the addresses of the canaries as inputs; `bare` leaves the prelude away."""

    name: str
    point: int
    code: str
    expect: Expectation
    language: str = "python3"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    profile: str | None = None
    modes: tuple[str, ...] = EVERY_MODE
    bare: bool = False
    needs_x86_64: bool = False

    def request(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the run request."""
        limits = {"wall_s": 5.0, **self.limits}
        fields = {"language": self.language, "inputs": {**facts, **self.inputs}, "limits": limits}
        if self.profile:
            fields["profile"] = self.profile
        return {"code": self.text(), **fields}

    def text(self) -> str:
        """The code with the prelude before it."""
        return self.code if self.bare else PRELUDES[self.language].read_text() + "\n" + self.code


def held(*names: str, least: int = 1, errors: Mapping[str, str] | None = None) -> Expectation:
    """Nothing was reached; the named trials (or at least so many) were made and refused, as `errors` says."""

    def judge(result: Result) -> str:
        if result["status"] != "ok":
            return f"ended with {result['status']}: {result['error']}"
        outputs = result["outputs"]
        if outputs["reached"]:
            return f"reached {outputs['reached']}"
        refused = outputs["refused"]
        if missing := set(names) - set(refused):
            return f"never tried {sorted(missing)}; refused were {refused}"
        if len(refused) < max(least, len(names)):
            return f"tried only {refused}"
        wrong = {name: refused.get(name) for name, error in (errors or {}).items() if refused.get(name) != error}
        return f"refused otherwise than {errors}: {wrong}" if wrong else ""

    return judge


def blocked(system_call: str | None = None) -> Expectation:
    """The call killed the run, and the result names it."""

    def judge(result: Result) -> str:
        error = result["error"] or {}
        if result["status"] != "killed" or error.get("type") != "BlockedSystemCall":
            return f"was not killed for a blocked call: {_short(result)}"
        if system_call is not None and error.get("system_call") != system_call:
            return f"names {error.get('system_call')!r} for {system_call!r}"
        return ""

    return judge


def ends(status: str, *types: str, mention: str = "") -> Expectation:
    """The run ended with this status, and (one of) these error types, whose message holds `mention`."""

    def judge(result: Result) -> str:
        error = result["error"] or {}
        if result["status"] != status or (types and error.get("type") not in types):
            return f"expected {status} {types}: {_short(result)}"
        text = f"{error.get('message')}\n{error.get('traceback')}"
        return f"says nothing of {mention!r}: {_short(result)}" if mention not in text else ""

    return judge


def answers(**outputs: Any) -> Expectation:
    """The run ended well, with these outputs among others."""

    def judge(result: Result) -> str:
        if result["status"] != "ok":
            return f"did not end well: {_short(result)}"
        wrong = {
            name: result["outputs"].get(name) for name, value in outputs.items() if result["outputs"].get(name) != value
        }
        return f"expected {outputs}, got {wrong}" if wrong else ""

    return judge


def either(*choices: Expectation) -> Expectation:
    """One of several outcomes, all of them safe."""

    def judge(result: Result) -> str:
        complaints = [choice(result) for choice in choices]
        return "" if "" in complaints else " | ".join(complaints)

    return judge


def _short(result: Result) -> str:
    return f"{result['status']} {result['error']} {str(result['outputs'])[:600]} {result['stderr'][-300:]}"
