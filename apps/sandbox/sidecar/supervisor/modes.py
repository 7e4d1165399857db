"""Which mode of isolation this machine allows: tried for real, in helper processes, never in the supervisor."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from apps.sandbox.sidecar.errors import StartRefused
from apps.sandbox.sidecar.zygote.layers import LANDLOCK_ONLY, MODES, ROOT, USERNS

NOBODY: Final = 60_000
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The strongest mode that works, and why the stronger ones do not."""

    mode: str
    reasons: dict[str, str]


def detect(*, floor: str) -> Detected:
    """Find the strongest mode; raises StartRefused if it is weaker than the floor, or if there is none."""
    if sys.platform != "linux":
        raise StartRefused(f"the sandbox needs Linux, and this is {sys.platform}")
    reasons: dict[str, str] = {}
    for mode in MODES:
        reason = _attempt(_ATTEMPTS[mode])
        if reason is None:
            if MODES.index(mode) > MODES.index(floor):
                raise StartRefused(f"the floor is {floor}, but only {mode} works here ({_joined(reasons)})")
            return Detected(mode=mode, reasons=reasons)
        reasons[mode] = reason
    raise StartRefused(f"this machine allows no isolation ({_joined(reasons)})")


def _joined(reasons: dict[str, str]) -> str:
    return "; ".join(f"{mode}: {reason}" for mode, reason in reasons.items())


def _attempt(attempt: Callable[[], None]) -> str | None:
    """Run an attempt in a process of its own; return why it failed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        reason = _reason_of(attempt)
        os.write(writing, reason.encode(errors="replace")[:_LONGEST_REASON])
        os._exit(bool(reason))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        reason = told.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    if status == 0:
        return None
    return reason or f"the attempt ended with {os.waitstatus_to_exitcode(status)}"


def _reason_of(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - the border of a helper process: whatever it is, it is the reason
        return str(error).replace("\n", " ") or type(error).__name__
    return ""


def _as_root() -> None:
    from apps.sandbox.sidecar.kernel import capabilities

    held = capabilities.held()
    for name in ("SYS_ADMIN", "SETUID", "SETGID", "KILL"):
        if not held.may(getattr(capabilities, f"CAP_{name}")):
            raise OSError(f"CAP_{name} is missing")
    _namespaces(_change_user)
    _filter()


def _as_user() -> None:
    from apps.sandbox.sidecar.zygote import namespaces

    namespaces.enter_user_namespace()
    _namespaces(lambda: None)
    _filter()


def _without_namespaces() -> None:
    from apps.sandbox.sidecar.kernel import calls, landlock

    calls.set_no_new_privs()
    if landlock.abi() == 0:
        raise OSError("this kernel has no Landlock")
    landlock.restrict()
    _filter()


def _namespaces(in_child: Callable[[], None]) -> None:
    """Enter every kind of namespace, change the root as the first process in there, and have a child one deeper."""
    from apps.sandbox.sidecar.kernel import calls

    kinds = calls.CLONE_NEWNS | calls.CLONE_NEWNET | calls.CLONE_NEWIPC | calls.CLONE_NEWUTS | calls.CLONE_NEWCGROUP
    calls.unshare(kinds | calls.CLONE_NEWPID)
    reason = _attempt(lambda: _as_first(in_child))
    if reason is not None:
        raise OSError(reason)


def _as_first(in_child: Callable[[], None]) -> None:
    from apps.sandbox.sidecar.kernel import calls

    calls.mount(None, "/", flags=calls.MS_REC | calls.MS_PRIVATE)
    calls.mount("skep", "/proc", kind="tmpfs", options="size=64k")
    os.chdir("/proc")
    calls.pivot_root(".", ".")
    calls.umount2(".", flags=calls.MNT_DETACH)
    calls.unshare(calls.CLONE_NEWPID)
    reason = _attempt(in_child)
    if reason is not None:
        raise OSError(reason)


def _change_user() -> None:
    os.setgroups([])
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _filter() -> None:
    """Load the filter of a child, as the last thing that this process does."""
    from apps.sandbox.sidecar.kernel import calls, policy
    from apps.sandbox.sidecar.kernel.numbers import host_arch

    calls.set_no_new_privs()
    calls.load_filter(policy.child_filter(host_arch(), "python", watched=False, pid_one=False))


_ATTEMPTS: Final[dict[str, Callable[[], None]]] = {
    ROOT: _as_root,
    USERNS: _as_user,
    LANDLOCK_ONLY: _without_namespaces,
}
