"""What untrusted code may ask of the kernel: the filter of each child, and the watch that names what it tried.

The filter is default-deny with EPERM rather than a kill, because a library that starts to use a new call should get an
error it can handle. The watch is installed once, in the zygote: the calls that only an attack makes are held there and
reported with their names, and the zygote kills the caller. Of two filters the stricter answer wins, and an errno is
stricter than the watch: so a child's filter lets exactly those calls through to be caught.

Three of those calls the zygote needs itself. It makes them with MARK as a sixth argument, which the kernel does not
read. The mark is no secret: the child's filter kills whoever uses it, and the watch catches whoever does not.
"""

import errno
from functools import lru_cache
from typing import Final, Literal, get_args

from apps.sandbox.sidecar.kernel import argument_rules, lists
from apps.sandbox.sidecar.kernel.bpf import Template
from apps.sandbox.sidecar.kernel.numbers import Arch, number_of
from apps.sandbox.sidecar.kernel.seccomp import ALLOW, KILL, NOTIFY, Check, Rule, compile_filter, errno_action

Kind = Literal["python", "javascript", "net"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: Sixth argument of a marked call, of which the kernel reads two or three.
MARK: Final = 0x736B6570
_MARKED: Final = (Check(argument=5, values=(MARK,)),)


def child_filter(
    arch: Arch,
    kind: Kind,
    *,
    watched: bool,
    execve_pointer: int | None = None,
    pid_one: bool,
    own_pid: int | None = None,
) -> bytes:
    """The program for one child, as an array of struct sock_filter.

    watched: the watch filter is in force above this one; without it, what it would catch is killed.
    execve_pointer: where the only path lies that execve takes; javascript needs it, the others have no execve.
    pid_one: the child is alone in a pid namespace, so that its process id is 1; otherwise own_pid says which it
    is, and without it the child may signal nobody, not even itself.
    """
    if (kind == "javascript") != (execve_pointer is not None):
        raise ValueError("javascript, and nothing else, is started by an execve with a secret pointer")
    values = {} if execve_pointer is None else {argument_rules.EXECVE_POINTER.name: execve_pointer}
    signals = pid_one or own_pid is not None
    if signals:
        values[argument_rules.OWN_PID.name] = 1 if own_pid is None else own_pid
    return _child_template(Arch(arch), kind, watched, signals).filled(**values)


@lru_cache(maxsize=32)
def watch_filter(arch: Arch) -> bytes:
    """The program that holds every attack for the zygote to see, and allows everything else."""
    calls: dict[str, int | Rule] = dict.fromkeys(lists.ATTACKS, NOTIFY)
    calls |= dict.fromkeys(lists.MARKED, Rule(checks=_MARKED, otherwise=NOTIFY))
    return compile_filter(arch, _numbered(arch, calls), default=ALLOW, newer=ALLOW).filled()


@lru_cache(maxsize=32)
def _child_template(arch: Arch, kind: Kind, watched: bool, signals: bool) -> Template:
    calls = _numbered(arch, _child_calls(kind, watched=watched, signals=signals))
    return compile_filter(arch, calls, default=errno_action(errno.EPERM), newer=errno_action(errno.ENOSYS))


def _child_calls(kind: Kind, *, watched: bool, signals: bool) -> dict[str, int | Rule]:
    attack = ALLOW if watched else KILL
    calls: dict[str, int | Rule] = dict.fromkeys(lists.FALL_BACK, errno_action(errno.ENOSYS))
    calls |= dict.fromkeys(lists.PLAIN, ALLOW)
    calls |= argument_rules.common(signals=signals)
    if kind == "javascript":
        calls |= dict.fromkeys(lists.JAVASCRIPT, ALLOW) | argument_rules.javascript()
    if kind == "net":
        calls |= dict.fromkeys(lists.NET, ALLOW) | argument_rules.net()
    calls |= dict.fromkeys(lists.ATTACKS, attack)
    calls |= dict.fromkeys(lists.MARKED, Rule(checks=_MARKED, then=KILL, otherwise=attack))
    return calls


def _numbered(arch: Arch, calls: dict[str, int | Rule]) -> dict[int, int | Rule]:
    """The same by number, without the calls that this machine does not have."""
    found = ((number_of(arch, name), outcome) for name, outcome in calls.items())
    return {number: outcome for number, outcome in found if number is not None}
