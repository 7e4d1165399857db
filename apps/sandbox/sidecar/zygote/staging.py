"""Putting up, once and in the one order that works, every layer that all children of a zygote share."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from apps.sandbox.sidecar.kernel import calls, capabilities, landlock, policy
from apps.sandbox.sidecar.kernel.numbers import host_arch
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote import namespaces, root, users
from apps.sandbox.sidecar.zygote.control import Stage
from apps.sandbox.sidecar.zygote.guest import Guest
from apps.sandbox.sidecar.zygote.namespaces import putting_up

TO_OWN_USERS = (capabilities.CAP_SETUID, capabilities.CAP_SETGID, capabilities.CAP_KILL)
"""Capabilities that change a child's user, and kill it then."""
TO_MAKE_NAMESPACES = (capabilities.CAP_SYS_ADMIN,)

WAIT = "import posix; posix._exit(posix.waitstatus_to_exitcode(posix.waitpid({pid}, 0)[1]) & 255)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """What the zygote needs to make children, and what it has become."""

    stage: Stage
    guest: Guest
    layers: frozenset[str]
    pid_namespace: int | None
    """Descriptor of the zygote's own pid namespace, if children get one each."""
    watch: int | None
    """Descriptor of the seccomp listener."""
    listener: socket.socket | None
    """Profile `net`: where the egress proxy will accept."""
    apart: landlock.Ruleset | None
    """Without pid namespaces: rules that keep each child's signals inside."""
    baseline: int
    """Bytes of address space that every child starts with."""
    nested_user: bool
    """Whether each child also gets a user namespace without any mapping."""
    neighbours: int
    """Processes that count against a child's limit without being its own, where children share one user."""
    outer_pid: int
    """The zygote's pid as the supervisor sees it."""


def become_first(planned: set[str], mode: str, let_go: Callable[[], None]) -> None:
    """Enter the namespaces; return in the process that is pid 1 there. The one outside waits and dies with it.

    `let_go` closes what the one outside must not hold open.
    """
    if mode == names.USERNS:
        namespaces.enter_user_namespace()
    namespaces.enter_namespaces(planned)
    if names.PID_NS not in planned:
        return
    inner = os.fork()
    if inner == 0:
        die_with_parent()
        return
    let_go()
    with suppress(OSError):
        # A new interpreter that only waits: the fork's pages would be kept twice for as long as the zygote lives.
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", WAIT.format(pid=inner)])  # noqa: S606 - ourselves
    os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) & 0xFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What has to be opened or counted while the machine's own files are in sight."""

    memory: int
    pid_namespace: int | None
    listener: socket.socket | None
    outer_pid: int
    neighbours: int


def put_up(stage: Stage, planned: set[str], guest: Guest) -> Staging:
    """Put up the layers that children inherit. What the kernel does not have is left out of `layers` if it may be."""
    opened = _open(stage, planned)
    shown = guest.shown()
    layout = root.lay_out([*shown.read, *shown.execute])
    if users.may_be_owned_without_namespaces(stage, layout.binds):
        planned.add(names.OWN_UID)
    if names.READ_ONLY_ROOT in planned:
        root.enter_root(layout)
    os.chdir("/")  # without a root of our own, we still are where the sidecar was started
    guest.prepare()
    apart = _restrict(planned, stage, layout, shown.execute, opened)
    nested = users.can_be_nested(stage, planned)
    if not nested and stage.mode == names.ROOT:
        planned.discard(names.USER_NS)
    watch = _watch(planned)
    gc.collect()
    gc.freeze()
    gc.disable()
    baseline = int(os.pread(opened.memory, 200, 0).split()[0]) * os.sysconf("SC_PAGE_SIZE")
    os.close(opened.memory)
    return Staging(
        stage=stage,
        guest=guest,
        layers=frozenset(planned),
        pid_namespace=opened.pid_namespace,
        watch=watch,
        listener=opened.listener,
        apart=apart,
        baseline=baseline,
        nested_user=nested,
        neighbours=0 if nested or names.OWN_UID in planned else opened.neighbours,
        outer_pid=opened.outer_pid,
    )


def _open(stage: Stage, planned: set[str]) -> _Opened:
    alone = names.PID_NS in planned
    return _Opened(
        memory=os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC),
        pid_namespace=os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if alone else None,
        listener=_listen_for_egress(planned) if stage.net else None,
        outer_pid=int(os.readlink("/proc/self")),  # this /proc is the supervisor's, so are its numbers
        neighbours=users.count_neighbours(stage.defaults.processes),
    )


def _restrict(
    planned: set[str], stage: Stage, layout: root.Layout, execute: tuple[str, ...], opened: _Opened
) -> landlock.Ruleset | None:
    """Give up rights, in this order: Landlock needs no_new_privs, and both need no capability any more."""
    if names.NO_NEW_PRIVS in planned:
        with putting_up(names.NO_NEW_PRIVS):
            calls.set_no_new_privs()
    _restrict_files(planned, stage, layout, execute, opened.listener)
    if names.RLIMITS in planned:
        with putting_up(names.RLIMITS):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _drop_capabilities(planned)
    apart = names.LANDLOCK in planned and opened.pid_namespace is None
    return landlock.isolation() if apart else None


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the process that forked or exec'd this one ends."""
    calls.set_parent_death_signal(signal.SIGKILL)


def _restrict_files(
    planned: set[str], stage: Stage, layout: root.Layout, execute: tuple[str, ...], listener: socket.socket | None
) -> None:
    if names.LANDLOCK not in planned:
        return
    if landlock.abi() == 0 and stage.mode != names.LANDLOCK_ONLY:
        planned.discard(names.LANDLOCK)
        return
    read = [*layout.binds, *(device for device in root.DEVICES if os.path.exists(device))]
    ports = [] if listener is None or not landlock.handled(landlock.abi()).network else [listener.getsockname()[1]]
    with putting_up(names.LANDLOCK):
        landlock.restrict(read=read, write=(os.devnull,), execute=execute, connect_ports=ports)


def _listen_for_egress(planned: set[str]) -> socket.socket:
    with putting_up(names.NET_NS):
        if names.NET_NS not in planned:
            raise OSError("the net profile needs a network namespace of its own")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            # struct ifreq: the name in 16 bytes, then IFF_UP | IFF_RUNNING, by SIOCSIFFLAGS
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
        return socket.create_server(("127.0.0.1", 0), backlog=128)


def _drop_capabilities(planned: set[str]) -> None:
    if names.CAPABILITIES not in planned:
        return
    with putting_up(names.CAPABILITIES):
        kept = (
            *(TO_OWN_USERS if names.OWN_UID in planned else ()),
            *(TO_MAKE_NAMESPACES if names.PID_NS in planned else ()),
        )
        if capabilities.held().may(capabilities.CAP_SETPCAP):
            capabilities.drop_bounding(kept)
        bits = sum(1 << number for number in kept) & capabilities.held().permitted
        capabilities.capset(effective=bits, permitted=bits, inheritable=0)


def _watch(planned: set[str]) -> int | None:
    if names.SYSTEM_CALL_WATCH not in planned:
        return None
    try:
        return calls.load_filter(policy.watch_filter(host_arch()), listener=True)
    except OSError:
        # An old kernel, or a listener that somebody else has put above us: children are then killed unnamed.
        planned.discard(names.SYSTEM_CALL_WATCH)
        return None
