"""Entering the namespaces of a zygote, and the pid namespace that each child gets for itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from apps.sandbox.sidecar.kernel import calls
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote.layers import LayerFailed

INNER_ID = 60_000
"""The uid and gid inside the user namespace. Not 0: the kernel hands capabilities to uid 0 at each execve."""

_FLAGS = {
    names.MOUNT_NS: calls.CLONE_NEWNS,
    names.NET_NS: calls.CLONE_NEWNET,
    names.IPC_NS: calls.CLONE_NEWIPC,
    names.UTS_NS: calls.CLONE_NEWUTS,
    names.PID_NS: calls.CLONE_NEWPID,
    names.CGROUP_NS: calls.CLONE_NEWCGROUP,
}


@contextmanager
def putting_up(layer: str) -> Iterator[None]:
    """Name the layer in whatever the kernel refuses meanwhile."""
    try:
        yield
    except OSError as error:
        raise LayerFailed(layer, str(error)) from error


def enter_user_namespace() -> None:
    """Become the owner of a new user namespace, with this user's one id in it."""
    uid, gid = os.getuid(), os.getgid()
    with putting_up(names.USER_NS):
        calls.unshare(calls.CLONE_NEWUSER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{INNER_ID} {uid} 1")
        _write("/proc/self/gid_map", f"{INNER_ID} {gid} 1")


def enter_namespaces(layers: set[str]) -> None:
    """Leave the machine's namespaces. The pid namespace holds from the next fork on."""
    for layer, flag in _FLAGS.items():
        if layer in layers:
            with putting_up(layer):
                calls.unshare(flag)
    if names.MOUNT_NS in layers:
        with putting_up(names.MOUNT_NS):
            calls.mount(None, "/", flags=calls.MS_REC | calls.MS_PRIVATE)
    if names.UTS_NS in layers:
        with putting_up(names.UTS_NS):
            calls.sethostname("sandbox")


def _write(path: str, text: str) -> None:
    # One write(2): the kernel takes a map whole or not at all.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def fork_into_own_pid_namespace(own: int | None) -> int:
    """Fork; the child is pid 1 of a new pid namespace. `own` is a descriptor of the zygote's own one, or no layer.

    Without the way back the zygote could make no second namespace: its later forks would join the first.
    """
    if own is None:
        return os.fork()
    calls.unshare(calls.CLONE_NEWPID)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            calls.setns(own, calls.CLONE_NEWPID)
    return pid
