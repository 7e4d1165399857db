"""How a filter is put together: actions, rules on arguments, and the search tree over call numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.sandbox.sidecar.kernel.bpf import Assembler, Half, Hole, Template
from apps.sandbox.sidecar.kernel.numbers import X32_BIT, Arch

ALLOW: Final = 0x7FFF0000
NOTIFY: Final = 0x7FC00000
KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000

#: Where things are in struct seccomp_data; both machines are little-endian.
NUMBER_AT: Final = 0
ARCH_AT: Final = 4
ARGUMENTS_AT: Final = 16

ALL_BITS: Final = 0xFFFFFFFFFFFFFFFF
#: Put into a mask, it demands that nothing hides above the 32 bits that a flag word has.
HIGH_HALF: Final = 0xFFFFFFFF00000000
_LAST_NUMBER: Final = 0xFFFFFFFF


def errno_action(number: int) -> int:
    """The action that makes the call fail with this errno."""
    return _ERRNO | number


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A 64-bit argument, after masking, is one of these values; both halves are always compared."""

    argument: int
    values: tuple[int | Hole, ...]
    mask: int = ALL_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The action when every check holds, and what decides when one does not."""

    checks: tuple[Check, ...]
    then: int = ALLOW
    otherwise: "int | Rule"


def flags_only(argument: int, allowed: int) -> Check:
    """The argument has no bit but these."""
    return Check(argument=argument, values=(0,), mask=ALL_BITS & ~allowed)


def flags_without(argument: int, refused: int) -> Check:
    """The argument has none of these bits, and nothing in its upper half."""
    return Check(argument=argument, values=(0,), mask=HIGH_HALF | refused)


def compile_filter(arch: Arch, calls: Mapping[int, int | Rule], *, default: int, newer: int) -> Template:
    """The program for one machine: what each number gets, every other one, and those above the table."""
    program = Assembler()
    program.load(ARCH_AT)
    program.if_equal(arch.audit, no="kill")
    program.load(NUMBER_AT)
    if arch is Arch.X86_64:
        program.if_at_least(X32_BIT, yes="kill")
    rules: dict[Rule, str] = {}
    _branch(program, _intervals(calls, default=default, newer=newer, above=arch.highest + 1), rules)
    for rule, label in rules.items():
        program.label(label)
        _write_rule(program, rule)
    program.label("kill")
    program.give(KILL)
    return program.assemble()


def _intervals(
    calls: Mapping[int, int | Rule], *, default: int, newer: int, above: int
) -> list[tuple[int, int | Rule]]:
    """First numbers and outcomes, in order, so that neighbours differ; the last one reaches to the end."""
    edges = {0, above} | set(calls) | {number + 1 for number in calls if number < _LAST_NUMBER}
    intervals: list[tuple[int, int | Rule]] = []
    for edge in sorted(edges):
        outcome = calls.get(edge, default if edge < above else newer)
        if not intervals or intervals[-1][1] != outcome:
            intervals.append((edge, outcome))
    return intervals


def _branch(program: Assembler, intervals: Sequence[tuple[int, int | Rule]], rules: dict[Rule, str]) -> None:
    """A binary search over the numbers: about seven comparisons instead of a hundred and fifty."""
    if len(intervals) == 1:
        outcome = intervals[0][1]
        if isinstance(outcome, Rule):
            program.go(rules.setdefault(outcome, program.fresh("rule")))
        else:
            program.give(outcome)
        return
    middle = len(intervals) // 2
    upper = program.fresh("upper")
    program.if_at_least(intervals[middle][0], yes=upper)
    _branch(program, intervals[:middle], rules)
    program.label(upper)
    _branch(program, intervals[middle:], rules)


def _write_rule(program: Assembler, rule: Rule) -> None:
    failed = program.fresh("failed")
    for check in rule.checks:
        _write_check(program, check, failed)
    program.give(rule.then)
    program.label(failed)
    if isinstance(rule.otherwise, Rule):
        _write_rule(program, rule.otherwise)
    else:
        program.give(rule.otherwise)


def _write_check(program: Assembler, check: Check, failed: str) -> None:
    """Compare the upper half, then the lower; a value passes only when both agree."""
    passed = program.fresh("passed")
    at = ARGUMENTS_AT + 8 * check.argument
    for place, value in enumerate(check.values):
        last = place == len(check.values) - 1
        next_value = failed if last else program.fresh("value")
        for upper, offset, mask in ((True, at + 4, check.mask >> 32), (False, at, check.mask & 0xFFFFFFFF)):
            _write_half(program, offset, mask, _half(value, upper=upper), no=next_value)
        if not last:
            program.go(passed)
            program.label(next_value)
    program.label(passed)


def _write_half(program: Assembler, offset: int, mask: int, wanted: int | Half, *, no: str) -> None:
    if mask == 0:
        return
    program.load(offset)
    if mask != 0xFFFFFFFF:
        program.keep(mask)
    program.if_equal(wanted, no=no)


def _half(value: int | Hole, *, upper: bool) -> int | Half:
    if isinstance(value, Hole):
        return Half(value, upper)
    return (value >> 32 if upper else value) & 0xFFFFFFFF
