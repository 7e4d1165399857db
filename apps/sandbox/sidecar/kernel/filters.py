"""Loading a seccomp filter, and reading what a watch filter holds."""

import ctypes
import errno
import fcntl
import select
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

from apps.sandbox.sidecar.kernel.numbers import Arch, arch_of, call_name
from apps.sandbox.sidecar.kernel.policy import MARK
from apps.sandbox.sidecar.kernel.syscall import call

_SET_MODE_FILTER: Final = 1
_GET_NOTIFICATION_SIZES: Final = 3
_NEW_LISTENER: Final = 1 << 3
_INSTRUCTION_SIZE: Final = 8

#: struct seccomp_notif: id, pid, flags, and struct seccomp_data: nr, arch, instruction pointer, six arguments.
_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
#: struct seccomp_notif_resp: id, value, error, flags.
_RESPONSE: Final = struct.Struct("=QqiI")
_ID_VALID: Final = 0x40082102


class Prepared:
    """A program laid out in memory beforehand, so that loading it is one call."""

    def __init__(self, program: bytes) -> None:
        self._code = ctypes.create_string_buffer(program, len(program))
        # struct sock_fprog: the length in instructions and the address, aligned to eight.
        self._header = ctypes.create_string_buffer(
            struct.pack("@HxxxxxxQ", len(program) // _INSTRUCTION_SIZE, ctypes.addressof(self._code)), 16
        )
        self._address = ctypes.addressof(self._header)

    def load(self) -> None:
        """Put the filter in force for this thread and everything it starts; it cannot be taken off."""
        call("seccomp", _SET_MODE_FILTER, 0, self._address, 0, 0, MARK)

    def listen(self) -> int:
        """The same, and return the descriptor (closed on exec) at which held calls arrive."""
        return call("seccomp", _SET_MODE_FILTER, _NEW_LISTENER, self._address, 0, 0, MARK)


def load_filter(program: bytes, *, listener: bool = False) -> int:
    """Put a filter in force; returns the listener's descriptor, or 0 without one."""
    prepared = Prepared(program)
    if listener:
        return prepared.listen()
    prepared.load()
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A call that the watch filter holds.

    pid is the id of the calling thread in the reader's pid namespace, not that of its process: kill() takes it all the
    same, and os.getpgid(pid) gives the child when the child was made the leader of its process group.
    """

    id: int
    pid: int
    nr: int
    args: tuple[int, ...]
    arch: Arch | None

    @property
    def name(self) -> str:
        """The call's name."""
        return call_name(self.arch, self.nr) if self.arch else f"call {self.nr} of another machine"

    @property
    def summary(self) -> str:
        """The name with the arguments as they are; never what a pointer points to, which belongs to the caller."""
        return f"{self.name}({', '.join(hex(argument) for argument in self.args)})"


def receive_notification(listener: int) -> Notification | None:
    """The next held call; None when its caller has died meanwhile. Poll the descriptor for reading first."""
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    if not any(event & select.POLLIN for _, event in waiting.poll(0)):
        return None
    held = bytearray(_notification_size())
    try:
        fcntl.ioctl(listener, _ioctl_number(0, len(held)), held, True)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return None
        raise OSError(error.errno, f"SECCOMP_IOCTL_NOTIF_RECV: {error.strerror}") from None
    identity, pid, _flags, number, arch, _pointer, *arguments = _NOTIFICATION.unpack_from(held)
    return Notification(id=identity, pid=pid, nr=number, args=tuple(arguments), arch=arch_of(arch))


def is_held(listener: int, notification: Notification) -> bool:
    """Whether the caller is still there, waiting in this very call; otherwise its pid may be another's by now."""
    try:
        fcntl.ioctl(listener, _ID_VALID, struct.pack("=Q", notification.id))
    except OSError:
        return False
    return True


def refuse(listener: int, notification: Notification, *, error: int = errno.EPERM) -> None:
    """Let the held call fail; for a caller that cannot be killed. There is no function that lets it happen."""
    response = bytearray(_RESPONSE.pack(notification.id, 0, -error, 0))
    try:
        fcntl.ioctl(listener, _ioctl_number(1, len(response)), response, True)
    except ProcessLookupError:
        return
    except OSError as failure:
        if failure.errno != errno.ENOENT:
            raise


def _ioctl_number(number: int, size: int) -> int:
    """_IOWR('!', number, size)."""
    return (3 << 30) | (size << 16) | (ord("!") << 8) | number


@cache
def _notification_size() -> int:
    """How large this kernel's struct seccomp_notif is: newer ones may append to it."""
    sizes = ctypes.create_string_buffer(6)
    call("seccomp", _GET_NOTIFICATION_SIZES, 0, ctypes.addressof(sizes), 0, 0, MARK)
    size: int = struct.unpack("=HHH", sizes.raw)[0]
    return max(size, _NOTIFICATION.size)
