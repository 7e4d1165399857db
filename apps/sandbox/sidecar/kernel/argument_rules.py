"""The calls that untrusted code may make only with certain arguments.

The numbers are those of the kernel's headers, the same on x86_64 and aarch64 unless it says otherwise.
"""

import errno
from typing import Final

from apps.sandbox.sidecar.kernel.bpf import Hole
from apps.sandbox.sidecar.kernel.seccomp import (
    ALL_BITS,
    KILL,
    Check,
    Rule,
    errno_action,
    flags_only,
    flags_without,
)

EXECVE_POINTER: Final = Hole("execve_pointer")
OWN_PID: Final = Hole("own_pid")

_EPERM: Final = errno_action(errno.EPERM)
_EINVAL: Final = errno_action(errno.EINVAL)

# open: access mode, O_CREAT, O_TRUNC, O_APPEND and the bit that makes O_DIRECTORY an O_TMPFILE.
_OPEN_WRITES: Final = 0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000000

_PROT_WRITE: Final = 0x2
_PROT_EXEC: Final = 0x4
_MAP_ANONYMOUS: Final = 0x20

# clone: what makes a thread and nothing but a thread.
_CLONE_THREAD: Final = 0x00000100 | 0x00000800 | 0x00010000  # VM, SIGHAND, THREAD
_CLONE_HARMLESS: Final = (
    0x00000200  # FS
    | 0x00000400  # FILES
    | 0x00040000  # SYSVSEM
    | 0x00080000  # SETTLS
    | 0x00100000  # PARENT_SETTID
    | 0x00200000  # CHILD_CLEARTID
    | 0x00400000  # DETACHED, which the kernel ignores and musl sets
    | 0x01000000  # CHILD_SETTID
)

# TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
_IOCTLS: Final = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: none that makes the kernel signal somebody.
_FCNTLS: Final = (0, 1, 2, 3, 4, 1030)
# PR_SET_NAME, PR_GET_NAME.
_PRCTLS: Final = (15, 16)
# ARCH_SET_FS and ARCH_GET_FS: where a thread's own variables lie.
_ARCH_PRCTLS: Final = (0x1002, 0x1003)

# O_NONBLOCK and O_CLOEXEC; O_EXCL would make a pipe of kernel notifications.
_PIPE_FLAGS: Final = 0o4000 | 0o2000000

_AF_UNIX: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_SOCK_STREAM: Final = 1
# SOCK_NONBLOCK and SOCK_CLOEXEC are the same bits as those of open().
_SOCK_FLAGS: Final = _PIPE_FLAGS
_IPPROTO_TCP: Final = 6
_SOL_SOCKET: Final = 1
# SO_REUSEADDR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO: no filters, marks or devices.
_SOCKET_OPTIONS: Final = (2, 7, 8, 9, 13, 20, 21)
# SO_TYPE, SO_ERROR, SO_PROTOCOL, SO_DOMAIN.
_SOCKET_QUESTIONS: Final = (3, 4, 38, 39)
# TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_QUICKACK, TCP_USER_TIMEOUT: no upper-layer protocols.
_TCP_OPTIONS: Final = (1, 4, 5, 6, 12, 18)


def common(*, signals: bool) -> dict[str, int | Rule]:
    """The rules that hold for every child; signals: it may signal itself."""
    return (
        _files()
        | _memory()
        | {
            "clone": Rule(
                checks=(
                    Check(
                        argument=0,
                        values=(_CLONE_THREAD,),
                        mask=ALL_BITS & ~_CLONE_HARMLESS,
                    ),
                ),
                otherwise=_EPERM,
            ),
            "prctl": Rule(checks=(Check(argument=0, values=_PRCTLS),), otherwise=_EPERM),
            "prlimit64": Rule(
                checks=(Check(argument=0, values=(0,)), Check(argument=2, values=(0,))), otherwise=_EPERM
            ),
            # A datagram socket of a pair could name any other socket as the receiver.
            "sendto": Rule(checks=(Check(argument=4, values=(0,)),), otherwise=_EPERM),
            "socketpair": Rule(checks=(Check(argument=0, values=(_AF_UNIX,)),), otherwise=_EPERM),
            "tgkill": Rule(checks=(Check(argument=0, values=(OWN_PID,)),), otherwise=_EPERM) if signals else _EPERM,
        }
    )


def javascript() -> dict[str, int | Rule]:
    """What Node needs on top: to be started, once, from a place that only the launcher knew."""
    return {
        "execve": Rule(checks=(Check(argument=0, values=(EXECVE_POINTER,)),), otherwise=KILL),
        "arch_prctl": Rule(checks=(Check(argument=0, values=_ARCH_PRCTLS),), otherwise=_EINVAL),
    }


def net() -> dict[str, int | Rule]:
    """What the net profile needs on top, or narrower: a TCP socket over IPv4.

    IPv6 is told to be absent, so that clients go on.
    """
    no_ipv6 = Rule(
        checks=(Check(argument=0, values=(_AF_INET6,)),), then=errno_action(errno.EAFNOSUPPORT), otherwise=_EPERM
    )
    return {
        "socket": Rule(
            checks=(
                Check(argument=0, values=(_AF_INET,)),
                Check(argument=1, values=(_SOCK_STREAM,), mask=ALL_BITS & ~_SOCK_FLAGS),
                Check(argument=2, values=(0, _IPPROTO_TCP)),
            ),
            otherwise=no_ipv6,
        ),
        # What connect() could still be pointed at beside TCP: a pair of datagrams, at a socket's file.
        "socketpair": Rule(
            checks=(
                Check(argument=0, values=(_AF_UNIX,)),
                Check(argument=1, values=(_SOCK_STREAM,), mask=ALL_BITS & ~_SOCK_FLAGS),
            ),
            otherwise=_EPERM,
        ),
        # Not all of them only tell something: one opens a descriptor for the process at the other end.
        "getsockopt": Rule(
            checks=(Check(argument=1, values=(_SOL_SOCKET,)), Check(argument=2, values=_SOCKET_QUESTIONS)),
            otherwise=errno_action(errno.ENOPROTOOPT),
        ),
        # Unknown options are told to be absent: clients set them for speed, and go on without.
        "setsockopt": Rule(
            checks=(Check(argument=1, values=(_SOL_SOCKET,)), Check(argument=2, values=_SOCKET_OPTIONS)),
            otherwise=Rule(
                checks=(Check(argument=1, values=(_IPPROTO_TCP,)), Check(argument=2, values=_TCP_OPTIONS)),
                otherwise=errno_action(errno.ENOPROTOOPT),
            ),
        ),
    }


def _files() -> dict[str, int | Rule]:
    read_only = errno_action(errno.EROFS)
    return {
        "open": Rule(checks=(flags_without(1, _OPEN_WRITES),), otherwise=read_only),
        "openat": Rule(checks=(flags_without(2, _OPEN_WRITES),), otherwise=read_only),
        "creat": read_only,
        "ioctl": Rule(checks=(Check(argument=1, values=_IOCTLS),), otherwise=errno_action(errno.ENOTTY)),
        "fcntl": Rule(checks=(Check(argument=1, values=_FCNTLS),), otherwise=_EPERM),
        "pipe2": Rule(checks=(flags_only(1, _PIPE_FLAGS),), otherwise=_EINVAL),
    }


def _memory() -> dict[str, int | Rule]:
    """Memory is written or executed, never both: code comes from files, and there is no file to write to."""
    never_executed = flags_without(2, _PROT_EXEC)
    code_of_a_file = Rule(checks=(flags_without(2, _PROT_WRITE), flags_without(3, _MAP_ANONYMOUS)), otherwise=_EPERM)
    return {
        "mprotect": Rule(checks=(never_executed,), otherwise=_EPERM),
        "mmap": Rule(checks=(never_executed,), otherwise=code_of_a_file),
    }
