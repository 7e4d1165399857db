"""Runs a seccomp program the way the kernel does, on calls that were never made, for any processor."""

import errno
import struct
from collections.abc import Sequence

from apps.sandbox.sidecar.kernel.numbers import Arch, number_of

_ALLOW, _NOTIFY, _KILL, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x80000000, 0x00050000


def outcome(program: bytes, *, arch: int, number: int, arguments: Sequence[int] = ()) -> str:
    """What the program answers: allow, notify, kill, or the errno's name."""
    padded = [argument & 0xFFFFFFFFFFFFFFFF for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0x7F0000001234, *padded)
    action = evaluate(program, data)
    if action & 0xFFFF0000 == _ERRNO:
        return errno.errorcode[action & 0xFFFF]
    return {_ALLOW: "allow", _NOTIFY: "notify", _KILL: "kill"}[action]


def ask(program: bytes, arch: Arch, name: str, *arguments: int) -> str:
    """The same for a call by name, on its own processor."""
    number = number_of(arch, name)
    assert number is not None, f"{arch} has no {name}"
    return outcome(program, arch=arch.audit, number=number, arguments=arguments)


def evaluate(program: bytes, data: bytes) -> int:
    """Interpret classic BPF; whatever the kernel would not load or run fails here."""
    lines = list(struct.iter_unpack("=HBBI", program))
    assert len(data) == 64
    assert 0 < len(lines) <= 4096
    assert lines[-1][0] == 0x06, "the kernel wants a return at the end"
    value, place = 0, 0
    while True:
        code, yes, no, constant = lines[place]
        place += 1
        match code:
            case 0x20:
                assert constant % 4 == 0
                (value,) = struct.unpack_from("<I", data, constant)
            case 0x54:
                value &= constant
            case 0x05:
                place += constant
            case 0x15:
                place += yes if value == constant else no
            case 0x35:
                place += yes if value >= constant else no
            case 0x06:
                return int(constant)
            case _:
                raise AssertionError(f"no such instruction: {code:#x}")
