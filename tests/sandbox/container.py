"""Runs a command as under a container runtime that refuses namespaces and mounts (Docker's default does)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: unshare, setns, mount, umount2, pivot_root, chroot, clone, clone3.
NUMBERS = {
    "x86_64": ((272, 308, 165, 166, 155, 161), 56, 435),
    "aarch64": ((97, 268, 40, 39, 41, 51), 220, 435),
}
ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
NEW_NAMESPACES = 0x7E020000  # cgroup, uts, ipc, user, pid, net; and mount
LOAD_WORD, JUMP_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
FIRST_ARGUMENT = 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


def without_namespaces(command: Sequence[str]) -> list[str]:
    """The command that runs `command` where no namespace can be had."""
    return [command[0], "-c", Path(__file__).read_text() + "\nimport sys\n\nbecome(sys.argv[1:])\n", *command]


def become(command: Sequence[str]) -> None:
    """Refuse this process namespaces for good, then run the command in its place."""
    import ctypes
    import os
    import platform
    import struct

    plain, clone, clone3 = NUMBERS[platform.machine()]
    rules = [(LOAD_WORD, 0, 0, 0)]
    for number in plain:
        rules += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
    rules += [(JUMP_EQUAL, 0, 1, clone3), (RETURN, 0, 0, ENOSYS)]
    rules += [(JUMP_EQUAL, 0, 3, clone), (LOAD_WORD, 0, 0, FIRST_ARGUMENT)]
    rules += [(JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    header = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, header, 0, 0)]:
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    os.execv(command[0], list(command))
