"""Which machine this is, and how a system call's name and number answer to each other on it."""

import os
import sys
from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apps.sandbox.sidecar.kernel import tables


class UnsupportedMachine(Exception):
    """This operating system or processor is not one whose system calls the sandbox knows."""


class Arch(StrEnum):
    """A processor whose 64-bit system calls the sandbox knows; equal to its name in uname(2)."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"

    @property
    def audit(self) -> int:
        """The value that the kernel puts into seccomp_data.arch for a native 64-bit call."""
        return _AUDIT[self]

    @property
    def numbers(self) -> MappingProxyType[str, int]:
        """Every call's number by its name."""
        return _NUMBERS[self]

    @property
    def highest(self) -> int:
        """The highest number that has a name here; what lies above is newer than this table."""
        return _HIGHEST[self]


#: 0x40000000 of x86_64 marks the x32 ABI: other entry points to the same kernel, never used by what runs here.
X32_BIT: Final = 0x40000000

ARCHES: Final = tuple(Arch)

_AUDIT: Final = {Arch.X86_64: 0xC000003E, Arch.AARCH64: 0xC00000B7}


def _by_name(runs: Iterable[tuple[int, str]]) -> MappingProxyType[str, int]:
    pairs = ((name, first + place) for first, names in runs for place, name in enumerate(names.split()))
    return MappingProxyType(dict(pairs))


_NUMBERS: Final = {
    Arch.X86_64: _by_name(tables.X86_64_RUNS),
    Arch.AARCH64: _by_name(tables.GENERIC_RUNS),
}
_NAMES: Final = {arch: {number: name for name, number in _NUMBERS[arch].items()} for arch in Arch}
_HIGHEST: Final = {arch: max(_NAMES[arch]) for arch in Arch}


def host_arch() -> Arch:
    """The machine this process runs on; raises UnsupportedMachine where there is no sandbox to be had."""
    if sys.platform != "linux":
        raise UnsupportedMachine(f"the sandbox needs Linux, and this is {sys.platform}")
    machine = os.uname().machine
    if machine not in _NUMBERS or sys.maxsize < 2**32:
        raise UnsupportedMachine(f"the sandbox knows 64-bit x86_64 and aarch64, and this is {machine}")
    return Arch(machine)


def arch_of(audit: int) -> Arch | None:
    """The machine that a seccomp_data.arch value names, if it is one of ours."""
    return next((arch for arch, value in _AUDIT.items() if value == audit), None)


def call_name(arch: Arch, number: int) -> str:
    """The call's name, or `call 1234` for a number that the table does not hold."""
    return _NAMES[arch].get(number, f"call {number}")


def number_of(arch: Arch, name: str) -> int | None:
    """The call's number, or None when this machine does not have that call."""
    return _NUMBERS[arch].get(name)
