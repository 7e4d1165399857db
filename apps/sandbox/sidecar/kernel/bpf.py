"""A small assembler for classic BPF as seccomp runs it: labels, far jumps, and constants filled in later."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_GO: Final = 0x05  # BPF_JMP | BPF_JA
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_INSTRUCTION: Final = struct.Struct("=HBBI")
_CONSTANT_AT: Final = 4
#: BPF_MAXINSNS: the kernel takes no longer program.
LONGEST: Final = 4096
#: A conditional jump has eight bits for its distance; what lies further is reached by a plain jump.
_NEAR: Final = 255


#: Whether a conditional line's jump for "yes" and its jump for "no" need a plain jump of their own.
_Far = tuple[bool, bool]


class AssemblyError(ValueError):
    """The program cannot be written down: a label is missing, lies behind the jump, or it is too long."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A 64-bit constant that is known only when the program is about to be loaded."""

    name: str


@dataclass(frozen=True, slots=True)
class Half:
    """The upper or the lower 32 bits of a hole, which is how much one instruction holds."""

    hole: Hole
    upper: bool

    def of(self, value: int) -> int:
        """This half of a value."""
        return (value >> 32 if self.upper else value) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Template:
    """An assembled program with the places of its holes."""

    code: bytes
    holes: Mapping[Half, tuple[int, ...]]

    def filled(self, **values: int) -> bytes:
        """The program as the kernel takes it; every hole needs its value."""
        missing = {half.hole.name for half in self.holes} ^ values.keys()
        if missing:
            raise AssemblyError(f"these constants are missing or unknown: {', '.join(sorted(missing))}")
        program = bytearray(self.code)
        for half, places in self.holes.items():
            for place in places:
                struct.pack_into(
                    "=I", program, place * _INSTRUCTION.size + _CONSTANT_AT, half.of(values[half.hole.name])
                )
        return bytes(program)


@dataclass(frozen=True, slots=True)
class _Line:
    code: int
    constant: int | Half = 0
    yes: str | None = None
    no: str | None = None


class Assembler:
    """Collects instructions; a jump without a label falls through to the next one."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._labels: dict[str, int] = {}
        self._fresh = 0

    def fresh(self, prefix: str) -> str:
        """A label that nobody else uses."""
        self._fresh += 1
        return f"{prefix}#{self._fresh}"

    def label(self, name: str) -> None:
        """Call the next instruction by this name."""
        if name in self._labels:
            raise AssemblyError(f"the label {name} is there twice")
        self._labels[name] = len(self._lines)

    def load(self, offset: int) -> None:
        """Take the 32 bits at this offset of seccomp_data."""
        self._lines.append(_Line(_LOAD, offset))

    def keep(self, bits: int) -> None:
        """Clear every bit of the value but these."""
        self._lines.append(_Line(_AND, bits))

    def if_equal(self, constant: int | Half, *, yes: str | None = None, no: str | None = None) -> None:
        """Jump by whether the value is this constant."""
        self._lines.append(_Line(_IF_EQUAL, constant, yes, no))

    def if_at_least(self, constant: int, *, yes: str | None = None, no: str | None = None) -> None:
        """Jump by whether the value, without sign, is this constant or more."""
        self._lines.append(_Line(_IF_AT_LEAST, constant, yes, no))

    def go(self, label: str) -> None:
        """Jump in any case."""
        self._lines.append(_Line(_GO, yes=label))

    def give(self, action: int) -> None:
        """End the program with this action."""
        self._lines.append(_Line(_RETURN, action))

    def assemble(self) -> Template:
        """Lay the program out; only forward jumps exist in this language."""
        far = self._far_jumps()
        starts = _starts(far)
        if starts[-1] > LONGEST:
            raise AssemblyError(f"the program has {starts[-1]} instructions, and {LONGEST} is the most")
        code = bytearray()
        holes: dict[Half, tuple[int, ...]] = {}
        for place, line in enumerate(self._lines):
            if isinstance(line.constant, Half):
                holes[line.constant] = (*holes.get(line.constant, ()), starts[place])
            code += self._encoded(line, place, far[place], starts)
        return Template(code=bytes(code), holes=holes)

    def _far_jumps(self) -> list[_Far]:
        """Which jumps do not fit into eight bits; writing one out moves others apart, so repeat until it is still."""
        far = [(False, False)] * len(self._lines)
        while True:
            starts = _starts(far)
            grown = [
                (
                    before[0] or self._is_far(line, line.yes, place, starts),
                    before[1] or self._is_far(line, line.no, place, starts),
                )
                for place, (line, before) in enumerate(zip(self._lines, far, strict=True))
            ]
            if grown == far:
                return far
            far = grown

    def _is_far(self, line: _Line, label: str | None, place: int, starts: list[int]) -> bool:
        return line.code != _GO and label is not None and self._distance(label, place, starts) > _NEAR

    def _distance(self, label: str, place: int, starts: list[int]) -> int:
        """How many instructions a jump from the start of this line skips."""
        if label not in self._labels:
            raise AssemblyError(f"nothing is called {label}")
        target = self._labels[label]
        if not place < target < len(self._lines):
            raise AssemblyError(f"the label {label} does not lie ahead of a jump to it")
        return starts[target] - starts[place] - 1

    def _encoded(self, line: _Line, place: int, far: _Far, starts: list[int]) -> bytes:
        if line.code == _GO:
            assert line.yes is not None
            return _INSTRUCTION.pack(_GO, 0, 0, self._distance(line.yes, place, starts))
        constant = 0 if isinstance(line.constant, Half) else line.constant
        if line.code not in (_IF_EQUAL, _IF_AT_LEAST):
            return _INSTRUCTION.pack(line.code, 0, 0, constant)
        jumps: list[int] = []
        plain: list[bytes] = []
        for label, is_far in zip((line.yes, line.no), far, strict=True):
            distance = sum(far) if label is None else self._distance(label, place, starts)
            if is_far:
                jumps.append(len(plain))
                plain.append(_INSTRUCTION.pack(_GO, 0, 0, distance - len(plain) - 1))
            else:
                jumps.append(distance)
        return _INSTRUCTION.pack(line.code, *jumps, constant) + b"".join(plain)


def _starts(far: list[_Far]) -> list[int]:
    """Where each line begins, and as the last entry where the program ends."""
    starts = [0]
    for yes, no in far:
        starts.append(starts[-1] + 1 + yes + no)
    return starts
