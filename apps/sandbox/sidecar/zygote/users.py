"""Whether each child can have a user of its own, and what limits mean where it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from apps.sandbox.sidecar.kernel import calls, capabilities
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote.control import Stage

MOST_CHILDREN = 64
"""For how many children at once there is room where all of them count as one user."""


def may_be_owned_without_namespaces(stage: Stage, needed: Iterable[str]) -> bool:
    """In the landlock mode: whether this process may change to a child's uid, and such a child could still read.

    Files that only root may reach are no obstacle in the other modes: there they are bound to where all may look.
    """
    if stage.mode != names.LANDLOCK_ONLY or names.OWN_UID in stage.without:
        return False
    held = capabilities.held()
    if not all(held.may(each) for each in (capabilities.CAP_SETUID, capabilities.CAP_SETGID, capabilities.CAP_KILL)):
        return False

    def try_it() -> bool:
        become(stage.uid_base)
        return all(os.access(path, os.R_OK) for path in needed)

    return _succeeds(try_it)


def become(identity: int) -> None:
    """Be that user, of that group and no other."""
    calls.setgroups([])
    os.setresgid(identity, identity, identity)
    os.setresuid(identity, identity, identity)


def can_be_nested(stage: Stage, planned: set[str]) -> bool:
    """Whether a child may enter a user namespace: machines forbid them, to ordinary users at least, or run out."""

    def try_it() -> bool:
        if names.OWN_UID in planned:
            become(stage.uid_base)
        calls.unshare(calls.CLONE_NEWUSER)
        return True

    return names.USER_NS in planned and _succeeds(try_it)


def count_neighbours(processes: int) -> int:
    """How far the limit of processes has to be raised where the kernel counts all children as one user's.

    Everything that this user runs already, and as much again as a pool of children may have. What then bounds the
    threads of one child is its memory, in which their stacks are counted. Call while /proc is there.
    """
    own, running = os.getuid(), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == own:
                    running += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:  # it has ended meanwhile
                continue
    return running + MOST_CHILDREN * processes


def _succeeds(attempt: Callable[[], bool]) -> bool:
    """Try something that cannot be undone, in a child that ends with it."""
    pid = os.fork()
    if pid == 0:
        try:
            good = attempt()
        except OSError:
            good = False
        os._exit(0 if good else 1)
    return os.waitpid(pid, 0)[1] == 0
