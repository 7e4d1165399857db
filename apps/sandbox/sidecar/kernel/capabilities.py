"""Capabilities: which ones this process has, and giving them up for good."""

import ctypes
import errno
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from apps.sandbox.sidecar.kernel import calls

CAP_KILL: Final = 5
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SETPCAP: Final = 8
CAP_SYS_CHROOT: Final = 18
CAP_SYS_ADMIN: Final = 21

#: _LINUX_CAPABILITY_VERSION_3: 64 bits of each set, in two halves.
_VERSION: Final = 0x20080522
_LAST_POSSIBLE: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The sets of this thread, a bit per capability."""

    effective: int
    permitted: int
    inheritable: int
    bounding: int
    ambient: int

    @property
    def none(self) -> bool:
        """Nothing can be done with them, and nothing can be gained from them by another exec."""
        return not (self.effective | self.permitted | self.inheritable | self.bounding | self.ambient)

    def may(self, capability: int) -> bool:
        """Whether this capability is in effect."""
        return bool(self.effective >> capability & 1)


def held() -> Held:
    """What this thread has now."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION, 0), 8)
    data = ctypes.create_string_buffer(24)
    calls.call("capget", ctypes.addressof(header), ctypes.addressof(data))
    low_e, low_p, low_i, high_e, high_p, high_i = struct.unpack("=6I", data.raw)
    known = _known()
    return Held(
        effective=low_e | high_e << 32,
        permitted=low_p | high_p << 32,
        inheritable=low_i | high_i << 32,
        bounding=sum(1 << number for number in known if calls.prctl(calls.PR_CAPBSET_READ, number)),
        ambient=sum(1 << number for number in known if _is_ambient(number)),
    )


def drop_bounding(except_: Collection[int] = ()) -> None:
    """Take every capability but these out of the bounding set; needs SETPCAP when there is something to take."""
    for number in _known():
        if number not in except_ and calls.prctl(calls.PR_CAPBSET_READ, number):
            calls.prctl(calls.PR_CAPBSET_DROP, number)


def clear() -> None:
    """Give up every effective, permitted, inheritable and ambient capability of this thread."""
    calls.prctl(calls.PR_CAP_AMBIENT, calls.PR_CAP_AMBIENT_CLEAR_ALL)
    capset(effective=0, permitted=0, inheritable=0)


def capset(*, effective: int, permitted: int, inheritable: int) -> None:
    """Set the three sets of this thread."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION, 0), 8)
    words = [sets >> shift & 0xFFFFFFFF for shift in (0, 32) for sets in (effective, permitted, inheritable)]
    data = ctypes.create_string_buffer(struct.pack("=6I", *words), 24)
    calls.call("capset", ctypes.addressof(header), ctypes.addressof(data))


def _known() -> range:
    """The numbers that this kernel has a capability for."""
    for number in range(_LAST_POSSIBLE + 1):
        try:
            calls.prctl(calls.PR_CAPBSET_READ, number)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return range(number)
            raise
    return range(_LAST_POSSIBLE + 1)


def _is_ambient(number: int) -> bool:
    return bool(calls.prctl(calls.PR_CAP_AMBIENT, calls.PR_CAP_AMBIENT_IS_SET, number))
