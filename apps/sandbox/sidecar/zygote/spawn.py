"""Making one child: the fork, and the layers that each child gets for itself. Then its language takes over.

`fork_child` -> `isolate` -> `Guest.execute` -> `seal`. The order is that of what each step still needs: descriptors
before rlimits, rlimits before the uid, capabilities last because all of them needed some, and the filter at the very
end because it refuses everything above.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

from apps.sandbox.sidecar.kernel import calls, capabilities, policy
from apps.sandbox.sidecar.kernel.numbers import host_arch
from apps.sandbox.sidecar.zygote import frames
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote.control import Spawn
from apps.sandbox.sidecar.zygote.guest import Child
from apps.sandbox.sidecar.zygote.namespaces import fork_into_own_pid_namespace
from apps.sandbox.sidecar.zygote.staging import Staging, die_with_parent
from apps.sandbox.sidecar.zygote.users import become

STACK_BYTES = 8 << 20


def fork_child(staging: Staging, order: Spawn, stream: int, *, stderr: int) -> int:
    """Fork a child that isolates itself, reports on its stream and serves one request; return its pid."""
    limits = staging.guest.limits(order, baseline=staging.baseline)
    pid = fork_into_own_pid_namespace(staging.pid_namespace)
    if pid == 0:
        _live(staging, order, stream, stderr, limits)
    return pid


def _live(staging: Staging, order: Spawn, stream: int, stderr: int, memory_limits: Mapping[int, int]) -> NoReturn:
    step = stream
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Before the descriptors go: the listener is one of them.
        proxy_port = staging.listener.getsockname()[1] if staging.listener else None
        step = isolate(staging, order, stream, memory_limits, stderr=stderr)
        staging.guest.execute(
            Child(
                order=order,
                stage=staging.stage,
                layers=staging.layers,
                proxy_port=proxy_port,
            )
        )
    except BaseException as error:  # noqa: BLE001 - a child that fails anywhere must end here, and say why
        with_reason = frames.pack(frames.FAULT, f"{type(error).__name__}: {error}".encode(errors="replace")[:4096])
        os.write(step, with_reason)
    finally:
        os._exit(70)


def isolate(staging: Staging, order: Spawn, stream: int, memory_limits: Mapping[int, int], *, stderr: int) -> int:
    """Put up every layer of this child but seccomp; return the descriptor at which its stream is now."""
    active = staging.layers
    if staging.apart is not None:
        staging.apart.enforce()
    # Leader of a group of its own: a held call is reported with a thread's id, and the group says whose thread it is.
    os.setsid()
    # Opened anew: the flags of a shared one (O_NONBLOCK, O_APPEND) could be set by one run and read by another.
    null = os.open(os.devnull, os.O_RDWR)
    for standard, source in ((0, null), (1, null), (2, stderr)):
        os.dup2(source, standard)
    os.dup2(stream, frames.CHILD_FD)
    if names.FD_SCRUB in active:
        calls.close_range(frames.CHILD_FD + 1)
    if names.OWN_UID in active:
        become(staging.stage.uid_base + order.slot)
    if staging.nested_user:
        # Counts this child's processes apart from its siblings', and leaves it no id that means anything.
        calls.unshare(calls.CLONE_NEWUSER)
    if names.RLIMITS in active:
        _limit(staging, order, memory_limits)
    if names.CAPABILITIES in active:
        capabilities.clear()
    calls.set_dumpable(dumpable=False)
    die_with_parent()  # a change of user forgets it, so not before
    return frames.CHILD_FD


def _limit(staging: Staging, order: Spawn, memory_limits: Mapping[int, int]) -> None:
    defaults = staging.stage.defaults
    hard_zero = dict.fromkeys(
        (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE), 0
    )
    limits = {
        **hard_zero,
        resource.RLIMIT_NOFILE: defaults.files,
        resource.RLIMIT_NPROC: defaults.processes + staging.neighbours,
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_CPU: order.cpu_s,
        **memory_limits,
    }
    for number, value in limits.items():
        _lower(number, value)


def _lower(number: int, value: int) -> None:
    """Set a limit, or leave the machine's own where that is stricter: raising it may not be ours to do.

    Soft and hard are one: a soft limit of CPU time sends a signal, which the run may ignore, and the first process of
    a pid namespace always does.
    """
    present = resource.getrlimit(number)[1]
    if present != resource.RLIM_INFINITY:
        value = min(value, present)
    resource.setrlimit(number, (value, value))


def seal(child: Child, kind: policy.Kind, *, execve_pointer: int | None = None) -> None:
    """Load the system call filter, if that layer is up: from here on, the child can do what its language needs."""
    if names.SECCOMP not in child.layers:
        return
    if names.NO_NEW_PRIVS not in child.layers:
        calls.set_no_new_privs()  # without privileges there is no filter without it
    watched = names.SYSTEM_CALL_WATCH in child.layers
    alone = names.PID_NS in child.layers
    if alone and execve_pointer is None:
        _prepared(kind, watched).load()
        return
    program = policy.child_filter(
        host_arch(),
        kind,
        watched=watched,
        execve_pointer=execve_pointer,
        pid_one=alone,
        own_pid=None if alone else os.getpid(),
    )
    calls.load_filter(program)


@lru_cache(maxsize=8)
def _prepared(kind: policy.Kind, watched: bool) -> calls.Prepared:
    return calls.Prepared(policy.child_filter(host_arch(), kind, watched=watched, pid_one=True))


def prepare_seal(kind: policy.Kind, *, watched: bool) -> None:
    """In the zygote: assemble the filter ahead, so that a child pays for loading it only."""
    _prepared(kind, watched)
    policy.child_filter(host_arch(), kind, watched=watched, pid_one=False, own_pid=2)
