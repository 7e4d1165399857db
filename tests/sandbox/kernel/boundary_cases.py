"""A program of one case each: Landlock, capabilities and namespaces around a real process. See confined.py."""

import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from apps.sandbox.sidecar.kernel import calls, capabilities, landlock
from tests.sandbox.kernel.confined import Answer, child, main, outcome

EVERY_NAMESPACE = (
    calls.CLONE_NEWUSER
    | calls.CLONE_NEWNS
    | calls.CLONE_NEWPID
    | calls.CLONE_NEWNET
    | calls.CLONE_NEWIPC
    | calls.CLONE_NEWUTS
    | calls.CLONE_NEWCGROUP
)


def landlocked() -> Answer:
    """The same attempts under each version of Landlock that this kernel can play."""
    calls.set_no_new_privs()
    newest = landlock.abi()
    with tempfile.TemporaryDirectory() as folder, _listening() as (allowed, other):
        inside, outside, program = _lay_out(folder)

        def attempts(version: int) -> Answer:
            landlock.abi = cache(lambda: version)
            ports = [allowed] if version >= 4 else []
            landlock.restrict(read=[inside, f"{outside}/single"], execute=[program], connect_ports=ports)
            return {
                "read": outcome(lambda: _read(f"{inside}/file")),
                "list": outcome(lambda: os.listdir(inside)),
                "read the single file": outcome(lambda: _read(f"{outside}/single")),
                "read outside": outcome(lambda: _read(f"{outside}/file")),
                "list outside": outcome(lambda: os.listdir(outside)),
                "write inside": outcome(lambda: os.open(f"{inside}/file", os.O_WRONLY)),
                "make inside": outcome(lambda: os.mkdir(f"{inside}/new")),
                "truncate inside": outcome(lambda: os.truncate(f"{inside}/file", 0)),
                "execute": outcome(lambda: _execute(program)),
                "execute what may be read": outcome(lambda: _execute(f"{inside}/program")),
                "connect": outcome(lambda: _connect(allowed)),
                "connect elsewhere": outcome(lambda: _connect(other)),
                "bind": outcome(_bind),
                "signal the parent": outcome(lambda: os.kill(os.getppid(), 0)),
            }

        return {str(version): child(partial(attempts, version)) for version in range(1, min(newest, 7) + 1)}


def _lay_out(folder: str) -> tuple[str, str, str]:
    inside, outside = Path(folder, "inside"), Path(folder, "outside")
    for place in (inside, outside):
        place.mkdir()
        for name in ("file", "single", "program"):
            (place / name).write_text("#!/nowhere\n")
            (place / name).chmod(0o755)
    return str(inside), str(outside), str(outside / "program")


@contextlib.contextmanager
def _listening() -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        yield first.getsockname()[1], second.getsockname()[1]


def _read(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _execute(path: str) -> None:
    """A script of an interpreter that is not there: ENOENT says that the script itself might be executed."""
    os.execve(path, ["program"], {})


def _connect(port: int) -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", port))


def _bind() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))


def siblings() -> Answer:
    """Two children of one domain, before and after one of them closes itself in."""
    calls.set_no_new_privs()
    landlock.restrict(read=["/"])
    isolation = landlock.isolation()
    sibling = os.fork()
    if sibling == 0:
        signal.pause()
        os._exit(0)

    def attempts() -> Answer:
        before = outcome(lambda: os.kill(sibling, 0))
        if isolation is not None:
            isolation.enforce()
        return {"before": before, "after": outcome(lambda: os.kill(sibling, 0)), "known": isolation is not None}

    answer = child(attempts)
    os.kill(sibling, signal.SIGKILL)
    os.waitpid(sibling, 0)
    return answer


def powerless() -> Answer:
    """Every capability of a user namespace, and then none."""
    if not _unshared(calls.CLONE_NEWUSER):
        return {"skip": "no user namespaces here"}
    full = capabilities.held()
    capabilities.drop_bounding({capabilities.CAP_KILL})
    some = capabilities.held()
    capabilities.drop_bounding()
    capabilities.clear()
    none = capabilities.held()
    return {
        "full": [full.may(capabilities.CAP_SYS_ADMIN), full.bounding.bit_count() > 30, full.none],
        "some": [some.may(capabilities.CAP_SYS_ADMIN), some.bounding, some.none],
        "none": [none.may(capabilities.CAP_SYS_ADMIN), none.bounding, none.none],
        "regained": outcome(lambda: capabilities.capset(effective=1, permitted=1, inheritable=0)),
        "hostname": outcome(lambda: calls.unshare(calls.CLONE_NEWUTS)),
    }


def staged() -> Answer:
    """Namespaces, a read-only root, and children that are alone in pid namespaces of their own."""
    uid, gid = os.getuid(), os.getgid()
    if not _unshared(EVERY_NAMESPACE):
        return {"skip": "no namespaces here"}
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", name).write_text(text)
    # The first child of a new pid namespace is its init; nothing can be forked after that has ended.
    return child(_inside)


def _inside() -> Answer:
    calls.sethostname("sandbox")
    own = os.open("/proc/thread-self/ns/pid_for_children", os.O_RDONLY)
    folder = _new_root()
    answer = {
        "root": sorted(os.listdir("/")),
        "name": os.uname().nodename,
        "pid": os.getpid(),
        "write": outcome(lambda: os.mkdir("/new")),
        "write to the bind": outcome(lambda: os.mkdir("/usr/new")),
        "refused mount names its place": _message(lambda: calls.mount("none", "/nowhere", kind="tmpfs")),
    }
    children = []
    for _ in range(2):
        calls.unshare(calls.CLONE_NEWPID)
        children.append(child(os.getpid))
        calls.setns(own, calls.CLONE_NEWPID)
    return answer | {"folder": folder, "children": children}


def _new_root() -> str:
    calls.mount(None, "/", flags=calls.MS_REC | calls.MS_PRIVATE)
    folder = tempfile.mkdtemp()
    calls.mount("none", folder, kind="tmpfs", options="size=64k,mode=755")
    os.mkdir(f"{folder}/usr")
    os.mkdir(f"{folder}/old")
    calls.mount("/usr", f"{folder}/usr", flags=calls.MS_BIND | calls.MS_REC)
    locked = calls.MS_REMOUNT | calls.MS_BIND | calls.MS_RDONLY | calls.MS_NOSUID | calls.MS_NODEV
    calls.mount(None, f"{folder}/usr", flags=locked)
    calls.pivot_root(folder, f"{folder}/old")
    os.chdir("/")
    calls.umount2("/old", flags=calls.MNT_DETACH)
    calls.mount(None, "/", flags=calls.MS_REMOUNT | calls.MS_BIND | calls.MS_RDONLY)
    return folder


def _message(action: Callable[[], None]) -> str:
    try:
        action()
    except OSError as error:
        return str(error)
    return "done"


def _unshared(kinds: int) -> bool:
    try:
        calls.unshare(kinds)
    except PermissionError:
        return False
    return True


def descriptors() -> Answer:
    """Descriptors closed by a range, and groups and flags of a process."""
    first = os.dup(0)
    os.dup(0)
    calls.close_range(first)
    calls.set_dumpable(dumpable=False)
    calls.set_parent_death_signal(signal.SIGKILL)
    process = calls.pidfd_open(os.getpid())
    os.close(process)
    before = calls.prctl(calls.PR_GET_NO_NEW_PRIVS)
    calls.set_no_new_privs()
    return {
        "closed": outcome(lambda: os.fstat(first)),
        "again": outcome(lambda: os.fstat(first + 1)),
        "dumpable": calls.prctl(calls.PR_GET_DUMPABLE),
        "no new privileges": [before, calls.prctl(calls.PR_GET_NO_NEW_PRIVS)],
    }


if __name__ == "__main__":
    main((landlocked, siblings, powerless, staged, descriptors))
