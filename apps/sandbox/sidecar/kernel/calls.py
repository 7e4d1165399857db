"""System calls that Python has no name for, made by number; each raises OSError with the name of the call."""

import ctypes
import os
from typing import Final

from apps.sandbox.sidecar.kernel.filters import (
    Notification,
    Prepared,
    is_held,
    load_filter,
    receive_notification,
    refuse,
)
from apps.sandbox.sidecar.kernel.policy import MARK
from apps.sandbox.sidecar.kernel.syscall import call

# Namespaces, for unshare and setns.
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

# mount and umount2.
MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_REMOUNT: Final = 0x20
MS_NOATIME: Final = 0x400
MS_NODIRATIME: Final = 0x800
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MS_RELATIME: Final = 0x200000
MNT_DETACH: Final = 0x2

# prctl.
PR_SET_PDEATHSIG: Final = 1
PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_READ: Final = 23
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_IS_SET: Final = 1
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


def unshare(flags: int) -> None:
    """Move this process into new namespaces (its next children, for NEWPID)."""
    call("unshare", flags, 0, 0, 0, 0, MARK)


def setns(descriptor: int, kind: int) -> None:
    """Move this process into the namespace that the descriptor stands for."""
    call("setns", descriptor, kind, 0, 0, 0, MARK)


def mount(
    source: str | None, target: str, *, kind: str | None = None, flags: int = 0, options: str | None = None
) -> None:
    """Mount, bind or remount."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    kept = [None if text is None else ctypes.create_string_buffer(text) for text in texts]
    at = [0 if text is None else ctypes.addressof(text) for text in kept]
    try:
        call("mount", at[0], at[1], at[2], flags, at[3])
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({source or kind} on {target})") from None


def umount2(target: str, *, flags: int = 0) -> None:
    """Unmount."""
    path = ctypes.create_string_buffer(os.fsencode(target))
    call("umount2", ctypes.addressof(path), flags)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make a mount the root of this mount namespace."""
    new, old = (ctypes.create_string_buffer(os.fsencode(path)) for path in (new_root, put_old))
    call("pivot_root", ctypes.addressof(new), ctypes.addressof(old))


def prctl(option: int, *arguments: int) -> int:
    """Read or change an attribute of this process."""
    return call("prctl", option, *arguments)


def set_no_new_privs() -> None:
    """Let no exec from here on gain rights; a filter or Landlock without privileges needs it."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def set_parent_death_signal(signal: int) -> None:
    """Be signalled when the parent ends. A later change of user clears it."""
    prctl(PR_SET_PDEATHSIG, signal)


def set_dumpable(*, dumpable: bool) -> None:
    """Say whether others of the same user may look into this process; it also decides who owns /proc/self."""
    prctl(PR_SET_DUMPABLE, int(dumpable))


def close_range(first: int, last: int = 0xFFFFFFFF) -> None:
    """Close every descriptor from first to last."""
    call("close_range", first, last)


def sethostname(name: str) -> None:
    """Set the host's name in this uts namespace."""
    text = os.fsencode(name)
    held = ctypes.create_string_buffer(text)
    call("sethostname", ctypes.addressof(held), len(text))


def setgroups(groups: list[int]) -> None:
    """Set the supplementary groups."""
    held = (ctypes.c_uint32 * len(groups))(*groups)
    call("setgroups", len(groups), ctypes.addressof(held))


def pidfd_open(pid: int) -> int:
    """A descriptor for a process, readable when it has ended."""
    return call("pidfd_open", pid)


__all__ = [
    "Notification",
    "Prepared",
    "call",
    "close_range",
    "is_held",
    "load_filter",
    "mount",
    "pidfd_open",
    "pivot_root",
    "prctl",
    "receive_notification",
    "refuse",
    "set_dumpable",
    "set_no_new_privs",
    "set_parent_death_signal",
    "setgroups",
    "sethostname",
    "setns",
    "umount2",
    "unshare",
]
