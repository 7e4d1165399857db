"""Who PostgreSQL runs as: it refuses to be root, so root steps aside in one of two ways."""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.embedded import kernel
from console.embedded.errors import StartupError

INNER_ID = 1000
UNPRIVILEGED_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ourselves:
    """Run as the user who started Skep."""

    def assume(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InUserNamespace:
    """Run as root's files' owner, seen from inside as an ordinary user."""

    def assume(self) -> None:
        """Enter the namespace; called in the child between fork and exec."""
        kernel.enter_user_namespace(uid=INNER_ID, gid=INNER_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUser:
    """Give up root for an unprivileged user, who then owns the database files."""

    uid: int
    gid: int

    def assume(self) -> None:
        """Change user; called in the child between fork and exec."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


Identity = Ourselves | InUserNamespace | OtherUser


def choose_identity(*, is_root: bool, namespaces_work: bool, unprivileged: tuple[int, int] | None) -> Identity:
    """Decide who PostgreSQL runs as; pure."""
    if not is_root:
        return Ourselves()
    if namespaces_work:
        return InUserNamespace()
    if unprivileged is None:
        raise StartupError(
            "PostgreSQL refuses to run as root, this system refuses user namespaces, and there is no user "
            f"named {' or '.join(UNPRIVILEGED_NAMES)} to run it as. Start Skep as an ordinary user, "
            "or set DATABASE_URL to a PostgreSQL server."
        )
    uid, gid = unprivileged
    return OtherUser(uid=uid, gid=gid)


def find_identity() -> Identity:
    """Look at this system and decide."""
    is_root = os.geteuid() == 0
    return choose_identity(
        is_root=is_root,
        namespaces_work=is_root and _succeeds_in_a_child(InUserNamespace().assume),
        unprivileged=_unprivileged_user() if is_root else None,
    )


def file_owner(identity: Identity) -> tuple[int, int]:
    """Whose files the server works on, seen from outside."""
    if isinstance(identity, OtherUser):
        return identity.uid, identity.gid
    return os.geteuid(), os.getegid()


def check_access(identity: Identity, *, program: Path, directory: Path) -> None:
    """Fail with advice if the chosen identity cannot run the program or enter the directory."""

    def try_it() -> None:
        identity.assume()
        os.stat(directory)
        if not os.access(program, os.X_OK):
            raise PermissionError(program)

    if isinstance(identity, Ourselves) or _succeeds_in_a_child(try_it):
        return
    raise StartupError(
        f"PostgreSQL cannot run as root, and the account it falls back to cannot reach {program} "
        f"or {directory}. Put the checkout and --data-dir where that account may read (such as /srv), "
        "start Skep as the owner of the checkout, or set DATABASE_URL to a PostgreSQL server."
    )


def _unprivileged_user() -> tuple[int, int] | None:
    for name in UNPRIVILEGED_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    return None


def _succeeds_in_a_child(attempt: Callable[[], None]) -> bool:
    """Try something irreversible in a forked child that does nothing else."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0
