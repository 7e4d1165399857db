"""Landlock: which files a process and its descendants may open, which ports they reach, whom they may signal."""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from apps.sandbox.sidecar.kernel import calls

# LANDLOCK_ACCESS_FS_*, by bit.
_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
#: Only these make sense for a single file; the kernel refuses the others there.
_FILE_RIGHTS: Final = _EXECUTE | _WRITE_FILE | _READ_FILE

_CONNECT_TCP: Final = 1 << 1
_NEWEST_KNOWN: Final = 7
_VERSION_QUESTION: Final = 1 << 0
_RULE_PATH: Final = 1
_RULE_PORT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What a ruleset can refuse; each version of Landlock knows more."""

    files: int
    network: int
    scopes: int
    size: int


def handled(version: int) -> Handled:
    """Everything that this version can refuse, and how long its struct landlock_ruleset_attr is."""
    files = (1 << 13) - 1
    for since, right in ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15)):  # REFER, TRUNCATE, IOCTL_DEV
        files |= right if version >= since else 0
    network = 0b11 if version >= 4 else 0  # BIND_TCP, CONNECT_TCP
    scopes = 0b11 if version >= 6 else 0  # ABSTRACT_UNIX_SOCKET, SIGNAL
    return Handled(files=files, network=network, scopes=scopes, size=8 + 8 * (version >= 4) + 8 * (version >= 6))


@cache
def abi() -> int:
    """The version of Landlock that this kernel offers; 0 when it has none or it is switched off."""
    try:
        return calls.call("landlock_create_ruleset", 0, 0, _VERSION_QUESTION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES):
            return 0
        raise


class Ruleset:
    """Rules made ready, to be put in force later, also more than once; needs no_new_privs by then."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def enforce(self) -> None:
        """Put the rules in force for this thread and its descendants; they cannot be taken off."""
        calls.call("landlock_restrict_self", self._descriptor, 0)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._descriptor)


def prepare(
    *,
    read: Iterable[str] = (),
    write: Iterable[str] = (),
    execute: Iterable[str] = (),
    connect_ports: Iterable[int] = (),
) -> Ruleset:
    """Rules that refuse everything this kernel can refuse but what is given: to read, write, execute and connect to."""
    version = min(abi(), _NEWEST_KNOWN)
    if version == 0:
        raise OSError(errno.ENOSYS, "landlock_create_ruleset: this kernel has no Landlock")
    ports = tuple(connect_ports)
    if ports and not handled(version).network:
        raise OSError(errno.ENOSYS, f"landlock_add_rule: version {version} of Landlock knows no ports")
    descriptor = _create(handled(version))
    try:
        for path in read:
            _allow_path(descriptor, path, _READ_FILE | _READ_DIR)
        for path in write:
            _allow_path(descriptor, path, _WRITE_FILE | _READ_FILE)
        for path in execute:
            _allow_path(descriptor, path, _EXECUTE | _READ_FILE)
        for port in ports:
            _add_rule(descriptor, _RULE_PORT, struct.pack("=QQ", _CONNECT_TCP, port))
    except BaseException:
        os.close(descriptor)
        raise
    return Ruleset(descriptor)


def restrict(
    *,
    read: Iterable[str] = (),
    write: Iterable[str] = (),
    execute: Iterable[str] = (),
    connect_ports: Iterable[int] = (),
) -> None:
    """Prepare the rules and put them in force at once."""
    ruleset = prepare(read=read, write=write, execute=execute, connect_ports=connect_ports)
    try:
        ruleset.enforce()
    finally:
        ruleset.close()


def isolation() -> Ruleset | None:
    """Rules that only keep signals and abstract sockets inside; None before version 6.

    Siblings that share one domain may signal each other. Where no pid namespace keeps them apart, each child puts
    this on top of what it inherited.
    """
    known = handled(min(abi(), _NEWEST_KNOWN))
    if not known.scopes:
        return None
    return Ruleset(_create(Handled(files=0, network=0, scopes=known.scopes, size=known.size)))


def _create(rights: Handled) -> int:
    attributes = struct.pack("=QQQ", rights.files, rights.network, rights.scopes)
    held = ctypes.create_string_buffer(attributes, len(attributes))
    return calls.call("landlock_create_ruleset", ctypes.addressof(held), rights.size, 0)


def _allow_path(descriptor: int, path: str, rights: int) -> None:
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _FILE_RIGHTS
        _add_rule(descriptor, _RULE_PATH, struct.pack("=Qi", rights, beneath))
    finally:
        os.close(beneath)


def _add_rule(descriptor: int, kind: int, attributes: bytes) -> None:
    held = ctypes.create_string_buffer(attributes, len(attributes))
    calls.call("landlock_add_rule", descriptor, kind, ctypes.addressof(held), 0)
