"""Tries, before a profile serves anybody, what must not work in its children."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from apps.sandbox.protocol import Language, RunLimits, RunRequest, RunResult, Status
from apps.sandbox.sidecar.errors import SandboxError
from apps.sandbox.sidecar.kernel.lists import ATTACKS
from apps.sandbox.sidecar.kernel.numbers import X32_BIT, Arch, host_arch
from apps.sandbox.sidecar.supervisor.probe_code import JAVASCRIPT_WAYS, PYTHON_CALLS, PYTHON_WAYS
from apps.sandbox.sidecar.supervisor.profiles import Profile

Execute = Callable[[RunRequest], Awaitable[RunResult]]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WALL_S: Final = 10.0
AT_A_TIME: Final = 4
#: Calls that the child's filter refuses with an error: one child tries them all.
REFUSED: Final = _names(
    """
    execve fork vfork kill tkill pidfd_open pidfd_send_signal setuid setgid setresuid setgroups capset setsid
    setpgid link linkat symlink symlinkat mkdir mkdirat rename renameat2 unlink unlinkat mknod mknodat chmod
    fchmod fchmodat chown fchownat truncate ftruncate fallocate utimensat setxattr chdir fchdir bind listen
    accept accept4 sendmsg recvmsg sendmmsg recvmmsg shmget shmat semget msgget mq_open memfd_create
    timer_create timerfd_create signalfd4 inotify_init1 fanotify_init splice tee vmsplice sendfile
    copy_file_range io_uring_setup clone3 openat2 name_to_handle_at landlock_create_ruleset setrlimit
    sched_setaffinity sched_setscheduler setpriority ioprio_set mlock mlockall sethostname setdomainname
    settimeofday clock_settime adjtimex sync vhangup process_madvise kcmp get_robust_list migrate_pages
    move_pages lookup_dcookie
    """
)
#: The kernel ends whoever makes these outside of its own trampolines before it asks any filter.
NOT_FILTERED: Final = frozenset({"uprobe", "uretprobe"})
#: Every filter of a kind is the same program: one profile tries all attacks, the others these.
SAMPLE: Final = frozenset({"ptrace", "unshare", "bpf", "keyctl", "mount", "userfaultfd"})


class ProbeFailed(SandboxError):
    """The probe itself could not be carried out, so that nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What was tried, and what got through."""

    checked_at: datetime
    forbidden: int
    succeeded: tuple[str, ...]


async def probe(execute: Execute, *, profile: Profile) -> ProbeReport:
    """Run the probe in children of one profile; raises ProbeFailed if it cannot be run."""
    if profile.language is Language.JAVASCRIPT:
        work = [_ask(execute, profile, JAVASCRIPT_WAYS, {}, "the ways out of Node.js")]
    else:
        work = [
            _ask(execute, profile, PYTHON_WAYS, {"allowed": _allowed(profile)}, "the ways out of Python"),
            _ask(execute, profile, PYTHON_CALLS, {"calls": _numbers(REFUSED)}, "the refused calls"),
            *(
                _ask(execute, profile, PYTHON_CALLS, {"calls": {name: number}}, name)
                for name, number in _attacks(everything=profile.name == "base").items()
            ),
        ]
    answers = await asyncio.gather(*_few_at_a_time(work))
    return ProbeReport(
        checked_at=datetime.now(UTC),
        forbidden=sum(tried for tried, _ in answers),
        succeeded=tuple(name for _, through in answers for name in through),
    )


async def _ask(
    execute: Execute, profile: Profile, code: str, inputs: dict[str, Any], name: str
) -> tuple[int, list[str]]:
    request = RunRequest(
        code=code,
        language=profile.language,
        profile=profile.name,
        inputs=inputs,
        limits=RunLimits(wall_s=WALL_S),
    )
    result = await execute(request)
    if result.status is Status.KILLED and result.error and result.error.type == "BlockedSystemCall":
        return 1, []
    outputs = result.outputs or {}
    if result.status is not Status.OK or not isinstance(outputs.get("through"), list):
        said = f"{result.error.type}: {result.error.message}" if result.error else result.status.value
        raise ProbeFailed(f"the probe of {profile.name} could not try {name}: {said}")
    return int(outputs["tried"]), [f"{profile.name}: {each}" for each in outputs["through"]]


def _few_at_a_time(work: list[Any]) -> list[Awaitable[tuple[int, list[str]]]]:
    limit = asyncio.Semaphore(AT_A_TIME)

    async def one(part: Awaitable[tuple[int, list[str]]]) -> tuple[int, list[str]]:
        async with limit:
            return await part

    return [one(part) for part in work]


def _allowed(profile: Profile) -> list[str]:
    return ["inet_socket"] if profile.net else []


def _numbers(names: tuple[str, ...]) -> dict[str, int]:
    numbers = host_arch().numbers
    return {name: numbers[name] for name in names if name in numbers}


def _attacks(*, everything: bool) -> dict[str, int]:
    chosen = _numbers(tuple(sorted(ATTACKS - NOT_FILTERED if everything else SAMPLE)))
    if host_arch() is Arch.X86_64 and everything:
        chosen["x32 getpid"] = X32_BIT + host_arch().numbers["getpid"]
    return chosen
