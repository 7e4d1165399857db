"""Stands before the code of every Python attack: tries things, and keeps what worked apart from what was refused."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
reached: dict = {}
refused: dict = {}


def trial(name, action, *arguments):
    """Do it, and note whether it worked."""
    try:
        value = action(*arguments)
    except BaseException as problem:  # noqa: BLE001 - an attack notes every refusal
        number = getattr(problem, "errno", None)
        refused[name] = errno.errorcode.get(number, type(problem).__name__)
    else:
        reached[name] = repr(value)[:300]


def system_call(number, *arguments):
    """Call the kernel by number; pointers are what ctypes makes of bytes and buffers."""
    ctypes.set_errno(0)
    numbers = [ctypes.c_ulong(item & (2**64 - 1)) if isinstance(item, int) else item for item in arguments]
    value = libc.syscall(ctypes.c_long(number), *numbers)
    if value == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value


def outcome(**more):
    """What the run answers."""
    return {"reached": reached, "refused": refused, **more}
