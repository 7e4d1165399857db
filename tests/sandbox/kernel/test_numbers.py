"""The tables of system calls agree with the headers that are installed here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.sandbox.sidecar.kernel import lists, numbers
from apps.sandbox.sidecar.kernel.numbers import Arch

X86_64_HEADERS = [
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    Path("/usr/include/asm/unistd_64.h"),
]
GENERIC_HEADER = Path("/usr/include/asm-generic/unistd.h")
WHAT_ARM64_ASKS_FOR = ("RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3", "MEMFD_SECRET")


def test_x86_64_agrees_with_its_header() -> None:
    header = next((path for path in X86_64_HEADERS if path.exists()), None)
    if header is None:
        pytest.skip("no header of x86_64 here")
    found = {name: int(number) for name, number in re.findall(r"__NR_(\w+) (\d+)", header.read_text())}
    assert len(found) > 300
    ours = Arch.X86_64.numbers
    assert {name: ours.get(name) for name in found} == found


def test_aarch64_agrees_with_the_generic_header() -> None:
    compiler = shutil.which("cc")
    if compiler is None or not GENERIC_HEADER.exists():
        pytest.skip("no generic header or no preprocessor here")
    wanted = [f"-D__ARCH_WANT_{name}" for name in WHAT_ARM64_ASKS_FOR]
    source = "#include <asm-generic/bitsperlong.h>\n#undef __BITS_PER_LONG\n#define __BITS_PER_LONG 64\n"
    source += "#include <asm-generic/unistd.h>\n"
    command = [compiler, "-E", "-dM", *wanted, "-"]
    output = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    defined = dict(re.findall(r"^#define (__NR\w+) (\w+)$", output, re.MULTILINE))
    found = {}
    for name, value in defined.items():
        while value in defined:
            value = defined[value]
        if name.startswith("__NR_") and name not in ("__NR_syscalls", "__NR_arch_specific_syscall"):
            found[name.removeprefix("__NR_")] = int(value)
    assert len(found) > 300
    ours = Arch.AARCH64.numbers
    assert {name: ours.get(name) for name in found} == found


@pytest.mark.parametrize("arch", numbers.ARCHES)
def test_a_number_has_one_name_and_a_name_one_number(arch: Arch) -> None:
    assert len(set(arch.numbers.values())) == len(arch.numbers)
    for name, number in arch.numbers.items():
        assert numbers.call_name(arch, number) == name
        assert numbers.number_of(arch, name) == number


def test_both_machines_share_every_call_since_they_were_numbered_together() -> None:
    x86_64, aarch64 = ({n: i for n, i in arch.numbers.items() if i >= 424} for arch in numbers.ARCHES)
    assert x86_64 == aarch64


def test_an_unknown_number_is_named_by_itself() -> None:
    assert numbers.call_name(Arch.X86_64, 9999) == "call 9999"
    assert numbers.number_of(Arch.AARCH64, "open") is None


def test_every_name_on_a_list_exists_on_some_machine_and_on_one_list() -> None:
    every = {name for arch in numbers.ARCHES for name in arch.numbers}
    groups = [lists.PLAIN, lists.FALL_BACK, lists.ATTACKS, lists.JAVASCRIPT, lists.NET]
    for group in groups:
        assert group <= every
    assert sum(map(len, groups)) == len(frozenset().union(*groups))
    assert lists.MARKED <= lists.ATTACKS


def test_a_machine_without_a_sandbox_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(numbers.UnsupportedMachine, match="needs Linux, and this is darwin"):
        numbers.host_arch()


def test_the_audit_value_names_the_machine() -> None:
    assert [numbers.arch_of(arch.audit) for arch in numbers.ARCHES] == list(numbers.ARCHES)
    assert numbers.arch_of(0x40000003) is None
