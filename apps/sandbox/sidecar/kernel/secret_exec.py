"""Starting a program through a filter that allows execve for one address only, which nobody else knows.

The filter has to be in force before the program starts, so it has to let one execve pass. It compares the path's
address with a random one: after the exec the memory is new, the address is gone, and the next execve has to guess.
"""

import ctypes
import errno
import mmap
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from apps.sandbox.sidecar.kernel.syscall import call

_PROT_READ_WRITE: Final = 0x1 | 0x2
_PRIVATE_ANONYMOUS: Final = 0x2 | 0x20
_FIXED_NOREPLACE: Final = 0x100000
#: Address spaces to try, widest first: 47 bits, and 39 for the smallest that aarch64 has.
_WIDTHS: Final = (47, 39)
_TRIES: Final = 16


class SecretExec:
    """A command laid out in memory, with its path at a random address; make one in each child."""

    def __init__(self, program: str, *, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        path = os.fsencode(program) + b"\0"
        self.pointer: Final = _random_place(len(path))
        ctypes.memmove(self.pointer, path, len(path))
        self._arguments = _Strings([os.fsencode(text) for text in arguments])
        self._environment = _Strings([os.fsencode(f"{name}={value}") for name, value in environment.items()])

    def run(self) -> None:
        """Become the program. Returns only by an OSError."""
        call("execve", self.pointer, self._arguments.address, self._environment.address)


class _Strings:
    """A NULL-terminated array of C strings."""

    def __init__(self, texts: list[bytes]) -> None:
        self._array = (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
        self.address: Final = ctypes.addressof(self._array)


def _random_place(length: int) -> int:
    """Memory for this many bytes at an address that cannot be guessed; it is never given back."""
    pages = -(-length // mmap.PAGESIZE)
    for width in _WIDTHS:
        for _ in range(_TRIES):
            # At least half of the space up, so that it lies far from what the loader put low.
            page = ((1 << (width - 1)) | secrets.randbits(width - 1)) // mmap.PAGESIZE
            if _map(page * mmap.PAGESIZE, pages * mmap.PAGESIZE):
                return page * mmap.PAGESIZE + secrets.randbelow(pages * mmap.PAGESIZE - length + 1)
    raise OSError(errno.ENOMEM, "mmap: no random place for the path of a program")


def _map(address: int, length: int) -> bool:
    try:
        found = call("mmap", address, length, _PROT_READ_WRITE, _PRIVATE_ANONYMOUS | _FIXED_NOREPLACE, -1, 0)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOMEM, errno.EINVAL):
            return False
        raise
    # A kernel that does not know the flag takes the address as a wish, and the wish of a secret has to be granted.
    return found == address
