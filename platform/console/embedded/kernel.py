"""The three Linux calls that the standard library of Python 3.11 lacks; elsewhere they do nothing."""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when the thread that started it ends."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Make this process the parent of grandchildren whose own parent has died."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def enter_user_namespace(*, uid: int, gid: int) -> None:
    """Appear as an ordinary user from here on, while files still belong to the real one.

    Raises OSError where the kernel or a container profile refuses user namespaces.
    """
    if _libc is None:
        raise OSError("user namespaces exist on Linux only")
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
