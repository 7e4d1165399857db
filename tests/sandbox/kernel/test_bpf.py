"""The assembler: what it lays out runs as it was written, however far the jumps."""

import struct

import pytest

from apps.sandbox.sidecar.kernel.bpf import LONGEST, Assembler, AssemblyError, Half, Hole
from tests.sandbox.kernel.machine import evaluate


def data(number: int) -> bytes:
    return struct.pack("<I60x", number)


def jumping(distance: int, *, yes: bool, no: bool) -> bytes:
    """If the number is 7 return 1, if not return 2, with this many instructions before the answers."""
    program = Assembler()
    program.load(0)
    program.if_equal(7, yes="seven" if yes else None, no="other" if no else None)
    if not yes:
        program.go("seven")
    if not no:
        program.go("other")
    for _ in range(distance):
        program.give(99)
    program.label("other")
    program.give(2)
    program.label("seven")
    program.give(1)
    return program.assemble().filled()


@pytest.mark.parametrize("distance", [0, 1, 250, 251, 252, 253, 254, 255, 256, 257, 258, 259, 1000, 4000])
def test_a_jump_arrives_at_its_label_at_every_distance(distance: int) -> None:
    both = jumping(distance, yes=True, no=True)
    assert [evaluate(both, data(number)) for number in (7, 8)] == [1, 2]
    no_only = jumping(distance, yes=False, no=True)
    assert [evaluate(no_only, data(number)) for number in (7, 8)] == [1, 2]


def test_a_far_jump_for_yes_leaves_the_way_straight_on_alone() -> None:
    program = Assembler()
    program.load(0)
    program.if_at_least(7, yes="far")
    for number in range(300):
        program.if_equal(number + 1000, yes="far")
    program.give(2)
    program.label("far")
    program.give(1)
    code = program.assemble().filled()
    assert [evaluate(code, data(number)) for number in (0, 6, 7, 8, 0xFFFFFFFF)] == [2, 2, 1, 1, 1]


def test_jumps_that_push_each_other_apart_still_arrive() -> None:
    program = Assembler()
    program.load(0)
    for number in range(0, 600):
        program.if_equal(number, yes=f"to {number}")
    program.give(0)
    for number in range(600):
        program.label(f"to {number}")
        program.give(number + 1)
    code = program.assemble().filled()
    assert [evaluate(code, data(number)) for number in range(601)] == [*range(1, 601), 0]


def test_a_hole_is_filled_in_both_halves_wherever_it_is_used() -> None:
    program = Assembler()
    hole = Hole("secret")
    for offset, upper in ((0, False), (4, True), (8, False)):
        program.load(offset)
        program.if_equal(Half(hole, upper), no="wrong")
    program.give(1)
    program.label("wrong")
    program.give(2)
    template = program.assemble()
    code = template.filled(secret=0x1122334455667788)
    right = struct.pack("<III52x", 0x55667788, 0x11223344, 0x55667788)
    assert evaluate(code, right) == 1
    assert evaluate(template.filled(secret=0x1122334455667789), right) == 2
    assert evaluate(template.filled(secret=0x1122334555667788), right) == 2


def test_a_program_with_an_empty_hole_is_not_given_out() -> None:
    program = Assembler()
    program.load(0)
    program.if_equal(Half(Hole("secret"), upper=False))
    program.give(1)
    template = program.assemble()
    for values in ({}, {"secret": 1, "other": 2}, {"other": 1}):
        with pytest.raises(AssemblyError):
            template.filled(**values)


def test_what_cannot_be_written_down_is_refused() -> None:
    nowhere = Assembler()
    nowhere.go("nowhere")
    backward = Assembler()
    backward.label("start")
    backward.load(0)
    backward.go("start")
    past_the_end = Assembler()
    past_the_end.go("end")
    past_the_end.label("end")
    too_long = Assembler()
    for _ in range(LONGEST + 1):
        too_long.give(0)
    for program in (nowhere, backward, past_the_end, too_long):
        with pytest.raises(AssemblyError):
            program.assemble()


def test_a_label_names_one_place() -> None:
    program = Assembler()
    program.label("here")
    with pytest.raises(AssemblyError):
        program.label("here")
