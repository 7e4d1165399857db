"""The one way into the kernel: a system call by its name, through libc's syscall()."""

import ctypes
import errno
import os
from functools import cache
from typing import Any, Final

from apps.sandbox.sidecar.kernel.numbers import Arch, host_arch, number_of

_Long: Final = ctypes.c_long


@cache
def _machine() -> tuple[Arch, Any]:
    """The numbers in force and libc's syscall(); looked up late, because other systems can import this module."""
    arch = host_arch()
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = _Long
    syscall.argtypes = [_Long] * 7
    return arch, syscall


def call(name: str, *arguments: int) -> int:
    """Make one system call; a pointer is passed as its address, which the caller keeps alive."""
    arch, syscall = _machine()
    number = number_of(arch, name)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: {os.strerror(errno.ENOSYS)}")
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    result = int(syscall(number, *padded))
    if result < 0:
        raise failure(name)
    return result


def failure(name: str) -> OSError:
    """The error that the call of this name has just left behind."""
    number = ctypes.get_errno()
    return OSError(number, f"{name}: {os.strerror(number)}")
