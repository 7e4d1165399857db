"""What the filters and the watch do to real processes of this kernel."""

import signal

import pytest

from apps.sandbox.sidecar.kernel.numbers import Arch, host_arch
from tests.sandbox.kernel.confined import ran

PROGRAM = "filter_cases.py"
only_x86_64 = pytest.mark.skipif(host_arch() is not Arch.X86_64, reason="an entry point of x86_64 only")


def test_a_filtered_child_gets_an_errno_that_fits() -> None:
    assert ran(PROGRAM, "filtered") == {
        "said": {
            "socketpair": "x",
            "socket": "EPERM",
            "open for writing": "EROFS",
            "open for reading": "done",
            "mkdir": "EPERM",
            "fork": "EPERM",
            "subprocess": "EPERM",
            "execve": "EPERM",
            "kill the parent": "EPERM",
            "signal itself": "done",
            "memory to write": "done",
            "memory to write and execute": "EPERM",
            "make memory executable": "EPERM",
            "raise a limit": "EPERM",
            "read a limit": "done",
            "push a key into a terminal": "ENOTTY",
            "be traced": "EPERM",
            "clone3": "ENOSYS",
            "openat2": "ENOSYS",
            "io_uring_setup": "ENOSYS",
            "memfd_create": "ENOSYS",
            "flags in the upper half": "EROFS",
        },
        "ended": 0,
        "held": [],
    }


def test_the_standard_library_works_under_the_filter() -> None:
    assert ran(PROGRAM, "working") == {"said": ["6", "3", "[1, 2]", "True", "Linux"], "ended": 0, "held": []}


def test_an_attack_is_held_and_named_and_its_process_killed() -> None:
    answer = ran(PROGRAM, "held_ptrace")
    assert (answer["said"], answer["ended"]) == (None, signal.SIGKILL.name)
    (held,) = answer["held"]
    assert held["name"] == "ptrace"
    assert held["summary"] == "ptrace(0x10, 0x1, 0x2, 0x3, 0x0, 0x0)"
    assert held["args"] == [16, 1, 2, 3, 0, 0]
    assert (held["of_child"], held["alive"], held["after"]) == (True, True, False)


def test_an_attack_from_a_thread_leads_to_its_process() -> None:
    answer = ran(PROGRAM, "held_unshare_in_a_thread")
    assert (answer["said"], answer["ended"]) == (None, signal.SIGKILL.name)
    (held,) = answer["held"]
    assert (held["name"], held["of_child"], held["leader"]) == ("unshare", True, False)


@pytest.mark.parametrize("case", ["marked", "unwatched"])
def test_what_the_watch_cannot_hold_is_killed_by_the_filter(case: str) -> None:
    assert ran(PROGRAM, case) == {"said": None, "ended": signal.SIGSYS.name, "held": []}


def test_an_attack_that_nobody_listens_to_still_does_not_happen() -> None:
    assert ran(PROGRAM, "nobody_listens")["said"] == "ENOSYS"


def test_a_held_call_can_be_refused_without_a_kill() -> None:
    assert ran(PROGRAM, "refused") == {"answer": "EPERM", "empty": True}


@only_x86_64
def test_the_x32_entry_is_deadly() -> None:
    assert ran(PROGRAM, "x32") == {"said": None, "ended": signal.SIGSYS.name, "held": []}


@only_x86_64
def test_the_32_bit_entry_is_deadly() -> None:
    # A kernel without 32-bit support has no such entry, and the instruction itself faults.
    assert ran(PROGRAM, "int80")["ended"] in (signal.SIGSYS.name, signal.SIGSEGV.name)


def test_one_program_is_started_and_the_next_is_not() -> None:
    answer = ran(PROGRAM, "secret_exec")
    assert (answer["printed"], answer["ended"]) == ("started\n", signal.SIGSYS.name)


def test_the_place_of_a_programs_path_cannot_be_told() -> None:
    pointers = ran(PROGRAM, "places")["pointers"]
    assert len({pointer >> 12 for pointer in pointers}) == len(pointers)
    assert len({pointer & 0xFFF for pointer in pointers}) > len(pointers) // 2
    assert min(pointers) >= 1 << 38
