"""The filters, call by call, for both machines: no kernel is asked here."""

import itertools
import random
import struct
from typing import Any

import pytest

from apps.sandbox.sidecar.kernel import policy
from apps.sandbox.sidecar.kernel.numbers import ARCHES, Arch, number_of
from tests.sandbox.kernel.machine import ask, outcome

POINTER = 0x2ABC_DEF01238
HIGH = 1 << 32
I386, X32, ARM = 0x40000003, 0x40000000, 0x40000028
STRICTEST_FIRST = ("kill", "errno", "notify", "allow")

PYTHON, JAVASCRIPT, NET = policy.KINDS
both = pytest.mark.parametrize("arch", ARCHES)
every_kind = pytest.mark.parametrize("kind", policy.KINDS)


def child(arch: Arch, kind: policy.Kind = PYTHON, *, watched: bool = True, **more: Any) -> bytes:
    pointer = POINTER if kind == JAVASCRIPT else None
    return policy.child_filter(arch, kind, **{"watched": watched, "execve_pointer": pointer, "pid_one": True, **more})


EVERYWHERE = [
    *[(name, (), "allow") for name in ("read", "write", "close", "brk", "futex", "exit_group", "getrandom", "madvise")],
    *[(name, (), "allow") for name in ("clock_nanosleep", "rt_sigreturn", "epoll_pwait", "rseq", "statx", "getpid")],
    # Files are read.
    ("openat", (-100, 0, 0), "allow"),
    ("openat", (-100, 0, 0o2000000 | 0o4000 | 0o200000), "allow"),
    *[
        ("openat", (-100, 0, flags), "EROFS")
        for flags in (0o1, 0o2, 0o3, 0o100, 0o1000, 0o2000, 0o20200000, 0o20000000)
    ],
    ("openat", (-100, 0, HIGH), "EROFS"),
    *[(name, (), "EPERM") for name in ("unlinkat", "mkdirat", "renameat2", "fchmodat", "ftruncate", "symlinkat")],
    # Descriptors.
    *[("ioctl", (0, request), "allow") for request in (0x5401, 0x5421, 0x541B, 0x5450, 0x5451)],
    *[("ioctl", (0, request), "ENOTTY") for request in (0x5412, 0x541C, 0xC0502100, 0x5401 + HIGH, 0)],
    *[("fcntl", (0, command), "allow") for command in (0, 1, 2, 3, 4, 1030)],
    *[("fcntl", (0, command), "EPERM") for command in (5, 8, 10, 15, 1024, 1031, 1033, 3 + HIGH)],
    *[("pipe2", (0, flags), "allow") for flags in (0, 0o4000, 0o2000000, 0o2004000)],
    *[("pipe2", (0, flags), "EINVAL") for flags in (0o200, 0o200 | 0o2000000, HIGH)],
    # Itself.
    *[("prctl", (option,), "allow") for option in (15, 16)],
    *[("prctl", (option,), "EPERM") for option in (1, 4, 8, 22, 24, 38, 47, 0x59616D61, 15 + HIGH)],
    ("prlimit64", (0, 7, 0, 0x1000), "allow"),
    *[("prlimit64", (0, 7, new, 0), "EPERM") for new in (1, HIGH, 0x7FFF00000000)],
    *[("prlimit64", (pid, 7, 0, 0), "EPERM") for pid in (1, 2, HIGH)],
    *[("tgkill", (pid, 1, 6), "allow" if pid == 1 else "EPERM") for pid in (0, 1, 2, -1, 1 + HIGH)],
    *[(name, (1, 9), "EPERM") for name in ("kill", "tkill", "rt_sigqueueinfo", "pidfd_open", "pidfd_send_signal")],
    *[(name, (), "EPERM") for name in ("setuid", "setresuid", "setgroups", "setsid", "setpgid", "capset")],
    # Others.
    ("sendto", (3, 0x1000, 1, 0, 0, 0), "allow"),
    *[("sendto", (3, 0x1000, 1, 0, address, 110), "EPERM") for address in (1, HIGH, 0x7FFF00000000)],
    ("socketpair", (1, 1, 0), "allow"),
    *[("socketpair", (family, 1, 0), "EPERM") for family in (0, 2, 10, 16, 1 + HIGH)],
    *[(name, (), "EPERM") for name in ("bind", "listen", "accept4", "sendmsg", "recvmsg", "sendmmsg", "vmsplice")],
    *[(name, (), "EPERM") for name in ("splice", "tee", "msgget", "shmget", "semget", "timer_create", "mq_open")],
    *[(name, (), "EPERM") for name in ("inotify_init1", "fanotify_init", "landlock_create_ruleset", "pkey_mprotect")],
    *[(name, (), "EPERM") for name in ("remap_file_pages", "process_madvise", "kcmp", "sched_setaffinity")],
    # What libraries fall back from.
    *[(name, (), "ENOSYS") for name in ("clone3", "openat2", "faccessat2", "epoll_pwait2", "futex_waitv")],
    *[(name, (), "ENOSYS") for name in ("io_uring_setup", "memfd_create", "memfd_secret", "pkey_alloc", "fchmodat2")],
]

THREAD_OF_GLIBC, THREAD_OF_MUSL = 0x3D0F00, 0x7D0F00
CLONES = [
    (THREAD_OF_GLIBC, "allow"),
    (THREAD_OF_MUSL, "allow"),
    (0x1200011, "EPERM"),  # fork of glibc
    (0x4111, "EPERM"),  # vfork
    (0, "EPERM"),
    *[(THREAD_OF_GLIBC | flag, "EPERM") for flag in (0x2000, 0x4000, 0x8000, 0x800000, 0x1000, 0x80000000, 17, HIGH)],
    *[(THREAD_OF_GLIBC | 1 << bit, "EPERM") for bit in (7, 17, 25, 26, 27, 28, 29, 30)],
    *[(THREAD_OF_GLIBC & ~flag, "EPERM") for flag in (0x100, 0x800, 0x10000)],
]

READ, WRITE, EXEC = 1, 2, 4
SHARED, PRIVATE, ANONYMOUS = 1, 2, 0x20
MAPS = [
    ((READ | WRITE, PRIVATE | ANONYMOUS), "allow"),
    ((READ, PRIVATE), "allow"),
    ((READ | EXEC, PRIVATE), "allow"),
    ((READ | EXEC, PRIVATE | 0x800 | 0x10), "allow"),
    ((READ | WRITE | EXEC, PRIVATE | ANONYMOUS), "EPERM"),
    ((READ | WRITE | EXEC, PRIVATE), "EPERM"),
    ((READ | EXEC, PRIVATE | ANONYMOUS), "EPERM"),
    ((EXEC, SHARED | ANONYMOUS), "EPERM"),
    ((READ | HIGH, PRIVATE), "EPERM"),
    ((READ | EXEC, PRIVATE | HIGH), "EPERM"),
]


@both
@every_kind
@pytest.mark.parametrize("watched", [True, False])
def test_each_call_is_answered_as_the_table_says(arch: Arch, kind: policy.Kind, watched: bool) -> None:
    program = child(arch, kind, watched=watched)
    rows = [*EVERYWHERE, *[("clone", (flags,), expected) for flags, expected in CLONES]]
    wrong = {
        (name, arguments): (answer, expected)
        for name, arguments, expected in rows
        if (answer := ask(program, arch, name, *arguments)) != expected
    }
    assert wrong == {}


@both
@pytest.mark.parametrize("kind", [PYTHON, NET])
def test_memory_of_python_is_written_or_executed_but_never_both(arch: Arch, kind: policy.Kind) -> None:
    program = child(arch, kind)
    answers = [(case, ask(program, arch, "mmap", 0, 4096, *case, -1, 0)) for case, _ in MAPS]
    assert answers == MAPS
    protections = [(READ | WRITE, "allow"), (READ | EXEC, "EPERM"), (7, "EPERM"), (EXEC, "EPERM"), (HIGH, "EPERM")]
    assert [(bits, ask(program, arch, "mprotect", 0, 4096, bits)) for bits, _ in protections] == protections


@both
def test_node_may_compile_and_starts_from_one_address_only(arch: Arch) -> None:
    program = child(arch, JAVASCRIPT)
    assert ask(program, arch, "mmap", 0, 4096, 7, PRIVATE | ANONYMOUS) == "allow"
    assert ask(program, arch, "mprotect", 0, 4096, 7) == "allow"
    assert ask(program, arch, "execve", POINTER, 0, 0) == "allow"
    guesses = (0, POINTER + 1, POINTER - 1, POINTER & 0xFFFFFFFF, POINTER + HIGH, POINTER >> 32 << 32, ~POINTER)
    assert {ask(program, arch, "execve", guess, 0, 0) for guess in guesses} == {"kill"}
    other = child(arch, JAVASCRIPT, execve_pointer=POINTER + HIGH)
    assert [ask(other, arch, "execve", place) for place in (POINTER, POINTER + HIGH)] == ["kill", "allow"]


def test_node_may_say_where_its_thread_variables_lie_and_no_more() -> None:
    program = child(Arch.X86_64, JAVASCRIPT)
    options = {0x1002: "allow", 0x1003: "allow", 0x1001: "EINVAL", 0x1012: "EINVAL", 0x5001: "EINVAL"}
    assert {option: ask(program, Arch.X86_64, "arch_prctl", option) for option in options} == options
    assert ask(program, Arch.X86_64, "arch_prctl", 0x1002 + HIGH) == "EINVAL"
    assert ask(child(Arch.X86_64), Arch.X86_64, "arch_prctl", 0x1002) == "EPERM"


@both
@pytest.mark.parametrize("kind", [PYTHON, NET])
def test_python_starts_no_program(arch: Arch, kind: policy.Kind) -> None:
    assert ask(child(arch, kind), arch, "execve", POINTER) == "EPERM"
    with pytest.raises(ValueError, match="secret pointer"):
        child(arch, kind, execve_pointer=POINTER)
    with pytest.raises(ValueError, match="secret pointer"):
        child(arch, JAVASCRIPT, execve_pointer=None)


SOCKETS = [
    ((2, 1, 0), "allow"),
    ((2, 1 | 0o2000000 | 0o4000, 6), "allow"),
    ((10, 1, 0), "EAFNOSUPPORT"),
    *[
        (arguments, "EPERM")
        for arguments in [
            *[(1, 1, 0), (16, 3, 0), (17, 3, 0), (40, 1, 0), (2, 2, 0), (2, 3, 1), (2, 5, 0), (2, 1, 262), (2, 1, 132)],
            *[(2 + HIGH, 1, 0), (2, 1 + HIGH, 0), (2, 1, HIGH), (10 + HIGH, 1, 0)],
        ]
    ],
]


@both
def test_the_net_profile_has_tcp_over_ipv4_and_no_other_socket(arch: Arch) -> None:
    net, offline = child(arch, NET), child(arch, PYTHON)
    assert [(case, ask(net, arch, "socket", *case)) for case, _ in SOCKETS] == SOCKETS
    assert {ask(offline, arch, "socket", *case) for case, _ in SOCKETS} == {"EPERM"}
    for name in ("connect", "getsockname", "getpeername", "shutdown"):
        assert (ask(net, arch, name), ask(offline, arch, name)) == ("allow", "EPERM")


OPTIONS = [
    *[((1, option), "allow") for option in (2, 7, 8, 9, 13, 20, 21)],
    *[((6, option), "allow") for option in (1, 4, 5, 6, 12, 18)],
    # SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_MARK, SO_BINDTODEVICE; TCP_MD5SIG, TCP_REPAIR, TCP_ULP, TCP_FASTOPEN.
    *[((1, option), "ENOPROTOOPT") for option in (26, 50, 36, 25, 2 + HIGH)],
    *[((6, option), "ENOPROTOOPT") for option in (14, 19, 31, 23, 1 + HIGH)],
    *[((level, 1), "ENOPROTOOPT") for level in (0, 17, 41, 255, 282, 6 + HIGH)],
]


@both
def test_the_net_profile_sets_the_options_that_clients_need_and_no_others(arch: Arch) -> None:
    net, offline = child(arch, NET), child(arch, PYTHON)
    assert [(case, ask(net, arch, "setsockopt", 3, *case)) for case, _ in OPTIONS] == OPTIONS
    assert {ask(offline, arch, "setsockopt", 3, *case) for case, _ in OPTIONS} == {"EPERM"}


QUESTIONS = [
    *[((1, option), "allow") for option in (3, 4, 38, 39)],
    # SO_PEERCRED, SO_GET_FILTER, SO_PEERSEC, SO_PEERGROUPS, SO_PEERPIDFD; TCP_INFO, TCP_ZEROCOPY_RECEIVE.
    *[((1, option), "ENOPROTOOPT") for option in (8, 17, 26, 31, 59, 77, 4 + HIGH)],
    *[((6, option), "ENOPROTOOPT") for option in (1, 11, 35)],
    *[((level, 4), "ENOPROTOOPT") for level in (0, 41, 1 + HIGH)],
]
PAIRS = [
    *[((1, kind), "allow") for kind in (1, 1 | 0o4000, 1 | 0o2004000)],
    *[(case, "EPERM") for case in [(1, 2), (1, 5), (2, 1), (1, 1 + HIGH), (1 + HIGH, 1)]],
]


@both
def test_the_net_profile_asks_sockets_only_for_what_tells_and_opens_nothing(arch: Arch) -> None:
    net, offline = child(arch, NET), child(arch, PYTHON)
    assert [(case, ask(net, arch, "getsockopt", 3, *case)) for case, _ in QUESTIONS] == QUESTIONS
    assert {ask(offline, arch, "getsockopt", 3, *case) for case, _ in QUESTIONS} == {"EPERM"}
    assert [(case, ask(net, arch, "socketpair", *case)) for case, _ in PAIRS] == PAIRS


def test_the_older_calls_of_x86_64_are_held_to_the_same_rules() -> None:
    program = child(Arch.X86_64)
    rows = [
        *[("open", (0, flags), "EROFS") for flags in (1, 2, 3, 0o100, 0o1000, 0o20200000, HIGH)],
        *[("open", (0, 0o2000000), "allow"), ("creat", (), "EROFS"), ("stat", (), "allow"), ("pipe", (), "allow")],
        *[(name, (), "EPERM") for name in ("fork", "vfork", "mkdir", "unlink", "rename", "chmod", "alarm", "utime")],
        *[("modify_ldt", (), "allow"), ("iopl", (), "allow")],  # held by the watch
    ]
    assert [(*row[:2], ask(program, Arch.X86_64, row[0], *row[1])) for row in rows] == rows


@both
@every_kind
@pytest.mark.parametrize("watched", [True, False])
def test_the_other_ways_into_the_kernel_are_deadly(arch: Arch, kind: policy.Kind, watched: bool) -> None:
    for program in (child(arch, kind, watched=watched), policy.watch_filter(arch)):
        for foreign in {I386, ARM, 0, 0xFFFFFFFF, *(other.audit for other in ARCHES)} - {arch.audit}:
            for number in (0, 1, 11, 39, 59, 221):
                assert outcome(program, arch=foreign, number=number) == "kill"
    program = child(Arch.X86_64, kind, watched=watched)
    for number in (0, 1, 39, 59, 520, 0x3FFFFFFF, 0xBFFFFFFF):
        assert outcome(program, arch=Arch.X86_64.audit, number=X32 | number) == "kill"


@both
@every_kind
def test_calls_newer_than_the_table_do_not_exist(arch: Arch, kind: policy.Kind) -> None:
    program = child(arch, kind)
    highest = 0x3FFFFFFF if arch is Arch.X86_64 else 0xFFFFFFFF
    for number in (arch.highest + 1, arch.highest + 100, 5000, highest):
        assert outcome(program, arch=arch.audit, number=number) == "ENOSYS"
    assert outcome(program, arch=arch.audit, number=arch.highest) == "EPERM"


ATTACKS = """
    ptrace process_vm_readv process_vm_writev pidfd_getfd bpf userfaultfd perf_event_open add_key request_key keyctl
    execveat open_by_handle_at io_uring_enter io_uring_register mount umount2 pivot_root chroot fsopen fsmount
    move_mount open_tree mount_setattr unshare setns seccomp personality quotactl acct syslog init_module
    finit_module delete_module kexec_load reboot swapon swapoff
"""


@both
@every_kind
@pytest.mark.parametrize("name", ATTACKS.split())
def test_an_attack_is_held_when_watched_and_deadly_when_not(arch: Arch, kind: policy.Kind, name: str) -> None:
    assert ask(policy.watch_filter(arch), arch, name) == "notify"
    assert together(arch, kind, number_of(arch, name) or 0, ()) == "notify"
    assert ask(child(arch, kind, watched=False), arch, name) == "kill"


@both
@pytest.mark.parametrize("name", ["unshare", "setns", "seccomp"])
def test_the_zygotes_mark_passes_the_watch_and_kills_a_child(arch: Arch, name: str) -> None:
    marked = (0x20000000, 0, 0, 0, 0, policy.MARK)
    assert ask(policy.watch_filter(arch), arch, name, *marked) == "allow"
    for watched in (True, False):
        assert ask(child(arch, watched=watched), arch, name, *marked) == "kill"
    nearly = [(0, 0, 0, 0, 0, mark) for mark in (policy.MARK + HIGH, policy.MARK + 1, policy.MARK << 32)]
    assert {ask(policy.watch_filter(arch), arch, name, *arguments) for arguments in nearly} == {"notify"}


@both
def test_the_zygote_is_free_to_do_what_is_no_attack(arch: Arch) -> None:
    watch = policy.watch_filter(arch)
    for name in (
        "clone",
        "clone3",
        "execve",
        "kill",
        "setresuid",
        "capset",
        "prctl",
        "landlock_restrict_self",
        "socket",
    ):
        assert ask(watch, arch, name, 1, 2, 3) == "allow"
    assert outcome(watch, arch=arch.audit, number=arch.highest + 1) == "allow"


def together(arch: Arch, kind: policy.Kind, number: int, arguments: tuple[int, ...]) -> str:
    """What the kernel makes of both filters: the strictest answer, and an errno before the watch."""
    answers = [
        outcome(program, arch=arch.audit, number=number, arguments=arguments)
        for program in (child(arch, kind), policy.watch_filter(arch))
    ]
    return min(answers, key=lambda answer: STRICTEST_FIRST.index("errno" if answer.startswith("E") else answer))


@both
@every_kind
def test_whatever_a_child_may_do_only_because_of_the_watch_is_caught_by_the_watch(
    arch: Arch, kind: policy.Kind
) -> None:
    alone = child(arch, kind, watched=False)
    chance = random.Random(7)
    marks = (0, policy.MARK, policy.MARK + HIGH, policy.MARK << 32, chance.getrandbits(64))
    caught = 0
    for number, mark in itertools.product(range(arch.highest + 20), marks):
        arguments = (*(chance.choice((0, 1, 2, HIGH, chance.getrandbits(64))) for _ in range(5)), mark)
        strict = outcome(alone, arch=arch.audit, number=number, arguments=arguments)
        both_filters = together(arch, kind, number, arguments)
        caught += both_filters == "notify"
        expected = ("notify", "kill") if strict == "kill" else (strict,)
        assert both_filters in expected, (number, arguments)
    assert caught > 100


def flag_words(count: int) -> list[int]:
    """Numbers of few bits and of many, in both halves."""
    chance = random.Random(11)
    few = [sum(1 << chance.randrange(64) for _ in range(chance.randrange(4))) for _ in range(count)]
    many = [chance.getrandbits(chance.choice((8, 24, 32, 64))) for _ in range(count)]
    near = [THREAD_OF_GLIBC ^ 1 << chance.randrange(64) for _ in range(count)]
    return [word & 0xFFFFFFFFFFFFFFFF for word in (*few, *many, *near)]


@both
def test_no_combination_of_flags_slips_through(arch: Arch) -> None:
    program = child(arch)
    threads = {0x100, 0x800, 0x10000}
    harmless = {0x200, 0x400, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000, 0x1000000}
    for word in flag_words(300):
        bits = {1 << place for place in range(64) if word >> place & 1}
        thread_only = threads <= bits <= threads | harmless
        assert (ask(program, arch, "clone", word) == "allow") is thread_only
        reads = word < HIGH and not word & (0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000000)
        assert (ask(program, arch, "openat", -100, 0, word) == "allow") is reads
        for flags in (PRIVATE, PRIVATE | ANONYMOUS, PRIVATE | HIGH):
            dangerous = word & EXEC and (word & WRITE or flags & ANONYMOUS or flags >= HIGH)
            expected = word < HIGH and not dangerous
            assert (ask(program, arch, "mmap", 0, 1, word, flags) == "allow") is expected


@both
def test_a_child_without_a_pid_namespace_may_signal_itself_when_its_number_is_known(arch: Arch) -> None:
    known = child(arch, pid_one=False, own_pid=4321)
    assert [ask(known, arch, "tgkill", pid, pid, 6) for pid in (4321, 1, 4322)] == ["allow", "EPERM", "EPERM"]
    unknown = child(arch, pid_one=False)
    assert {ask(unknown, arch, "tgkill", pid, pid, 6) for pid in (0, 1, 4321)} == {"EPERM"}


@both
@every_kind
def test_a_program_is_whole_and_short_enough_to_load_quickly(arch: Arch, kind: policy.Kind) -> None:
    for program in (child(arch, kind), child(arch, kind, watched=False), policy.watch_filter(arch)):
        assert len(program) % 8 == 0
        assert len(program) // 8 < 600
        for code, yes, no, constant in struct.iter_unpack("=HBBI", program):
            assert code in (0x20, 0x54, 0x05, 0x15, 0x35, 0x06)
            assert code != 0x06 or constant >> 16 in (0x7FFF, 0x7FC0, 0x8000, 0x0005)
            assert yes == no == 0 or code in (0x15, 0x35)
