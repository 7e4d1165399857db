"""The layers of isolation by name, and which of them a mode can have."""

from __future__ import annotations

from collections.abc import Iterable

USER_NS = "user_ns"
PID_NS = "pid_ns"
MOUNT_NS = "mount_ns"
NET_NS = "net_ns"
IPC_NS = "ipc_ns"
UTS_NS = "uts_ns"
CGROUP_NS = "cgroup_ns"
READ_ONLY_ROOT = "read_only_root"
LANDLOCK = "landlock"
NO_NEW_PRIVS = "no_new_privs"
CAPABILITIES = "capabilities"
OWN_UID = "own_uid"
RLIMITS = "rlimits"
FD_SCRUB = "fd_scrub"
SECCOMP = "seccomp"
SYSTEM_CALL_WATCH = "system_call_watch"

NAMESPACES = (USER_NS, PID_NS, MOUNT_NS, NET_NS, IPC_NS, UTS_NS, CGROUP_NS)
EVERYWHERE = (LANDLOCK, NO_NEW_PRIVS, CAPABILITIES, RLIMITS, FD_SCRUB, SECCOMP, SYSTEM_CALL_WATCH)
LAYERS = (*NAMESPACES, READ_ONLY_ROOT, OWN_UID, *EVERYWHERE)

ROOT, USERNS, LANDLOCK_ONLY = MODES = ("root", "userns", "landlock")

_OF_MODE = {
    ROOT: frozenset(LAYERS),
    USERNS: frozenset(LAYERS) - {OWN_UID},
    LANDLOCK_ONLY: frozenset(EVERYWHERE),
}

_FOUNDATIONS = ((USERNS, USER_NS), (LANDLOCK_ONLY, NO_NEW_PRIVS))
"""What a mode cannot go without: an ordinary user may not restrict itself before it has given up new privileges."""

_NEEDED_BY = {MOUNT_NS: (READ_ONLY_ROOT,), SECCOMP: (SYSTEM_CALL_WATCH,)}


class LayerFailed(Exception):
    """A layer could not be put up."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(f"{layer}: {message}")
        self.layer, self.message = layer, message


def planned(mode: str, without: Iterable[str]) -> set[str]:
    """The layers to put up in that mode, leaving out those named and what cannot be had without them."""
    if mode not in _OF_MODE:
        raise LayerFailed("mode", f"there is no mode {mode!r}")
    layers = set(_OF_MODE[mode])
    for name in without:
        if name not in LAYERS:
            raise LayerFailed(name, "there is no such layer")
        if (mode, name) in _FOUNDATIONS:
            raise LayerFailed(name, f"the {mode} mode is made of it")
        layers -= {name, *_NEEDED_BY.get(name, ())}
    return layers
