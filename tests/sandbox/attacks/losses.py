"""Which layer carries which attack, and which layers are depth: what happens when layers are taken away.

A layer that is load-bearing: without it alone, at least one attack of the suite gets through (`attacks` names them).
A layer that is depth: without it alone every attack is still refused, because other layers cover what it covers; taken
away together with those, an attack gets through. docs/sandbox.md shows this table; tests keep the two alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.sandbox.attacks.attack import Attack, answers, blocked, either, held


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Layers taken away in a mode, and attacks that then get through."""

    layers: tuple[str, ...]
    attacks: tuple[str, ...]
    mode: str = "root"


LAYERS = (
    *("user_ns", "pid_ns", "mount_ns", "net_ns", "ipc_ns", "uts_ns", "cgroup_ns", "read_only_root", "landlock"),
    *("no_new_privs", "capabilities", "own_uid", "rlimits", "fd_scrub", "seccomp", "system_call_watch"),
)

#: One layer gone, and an attack of the suite gets through.
LOAD_BEARING = [
    Loss(layers=("seccomp",), attacks=("python forks", "python calls mount", "python opens sockets of every family")),
    Loss(layers=("system_call_watch",), attacks=("python calls ptrace",)),
    Loss(
        layers=("rlimits",),
        attacks=(
            "python asks for more than its memory",
            "python drops a thread bomb",
            "python opens a thousand descriptors",
        ),
    ),
    Loss(layers=("fd_scrub",), attacks=("python looks for open files",)),
    Loss(layers=("read_only_root",), attacks=("python asks whether a file of the host exists",)),
    Loss(layers=("mount_ns",), attacks=("python asks whether a file of the host exists",)),
    Loss(layers=("uts_ns",), attacks=("python learns the name of the host",)),
    Loss(layers=("pid_ns",), attacks=("python learns its place on the host",)),
    Loss(
        layers=("landlock",),
        attacks=("python reads the host's files", "python lists folders of the host"),
        mode="landlock",
    ),
    Loss(layers=("seccomp",), attacks=("python forks", "python calls ptrace"), mode="landlock"),
    Loss(layers=("rlimits",), attacks=("python asks for more than its memory",), mode="userns"),
    Loss(layers=("fd_scrub",), attacks=("python looks for open files",), mode="userns"),
]

#: One layer gone and nothing gets through; together with what covers it, an attack does.
DEPTH = {
    "landlock": Loss(layers=("landlock", "read_only_root"), attacks=("python reads the host's files",)),
    "net_ns": Loss(layers=("net_ns", "seccomp"), attacks=("python sends datagrams and resolves names",)),
    "ipc_ns": Loss(layers=("ipc_ns", "seccomp"), attacks=("python finds shared memory of the host",)),
    "cgroup_ns": Loss(layers=("cgroup_ns", "landlock", "read_only_root"), attacks=("python learns its control group",)),
    "capabilities": Loss(
        layers=("capabilities", "own_uid", "user_ns", "seccomp"), attacks=("python uses a capability",)
    ),
    "no_new_privs": Loss(layers=("no_new_privs", "seccomp"), attacks=("python may gain privileges by exec",)),
    "own_uid": Loss(layers=("own_uid", "user_ns"), attacks=("python asks who it is",)),
    "user_ns": Loss(layers=("own_uid", "user_ns"), attacks=("python asks who it is",)),
}

#: Attacks that the suite need not make in every mode: they show what one layer does.
OF_ONE_LAYER = [
    Attack(
        name="python asks for more than its memory",
        point=36,
        bare=True,
        limits={"memory_mb": 64},
        code="def main(**_):\n    return {'n': len(bytearray(300 << 20))}",
        expect=lambda result: "" if result["status"] == "memory" else f"ended with {result['status']}",
    ),
    Attack(
        name="python opens a thousand descriptors",
        point=36,
        expect=answers(bounded=True),
        code="""
def main(**_):
    try:
        made = [os.dup(0) for _ in range(1000)]
    except OSError as problem:
        return {"bounded": problem.errno == errno.EMFILE}
    return {"bounded": False}
""",
    ),
    Attack(
        name="python asks who it is",
        point=28,
        bare=True,
        modes=("root",),
        expect=answers(own=True),
        code="""
import os
def main(**_):
    return {"own": os.getuid() >= 60000 and os.getgid() >= 60000 and os.geteuid() == os.getuid()}
""",
    ),
    Attack(
        name="python finds shared memory of the host",
        point=34,
        needs_x86_64=True,
        expect=held("attach"),
        code="""
def main(**facts):
    trial("attach", lambda: system_call(29, facts["shared_memory_key"], 4096, 0))
    return outcome()
""",
    ),
    Attack(
        name="python learns its control group",
        point=6,
        expect=held("read"),
        code="""
def main(**facts):
    def read():
        lines = open("/proc/self/cgroup").read().split()
        if not all(line.endswith(":/") for line in lines):
            return lines
        raise OSError(1, "sees only the root of its own")
    trial("read", read)
    return outcome()
""",
    ),
    Attack(
        name="python uses a capability",
        point=28,
        needs_x86_64=True,
        expect=either(held("host name", "chroot"), blocked("chroot")),
        code="""
def main(**facts):
    trial("host name", lambda: system_call(170, b"taken", 5))
    trial("chroot", lambda: system_call(161, b"/"))
    return outcome()
""",
    ),
    Attack(
        name="python may gain privileges by exec",
        point=14,
        needs_x86_64=True,
        expect=held("gain"),
        code="""
def main(**facts):
    def gain():
        if system_call(157, 39, 0, 0, 0, 0) == 0:
            return "no_new_privs is not set"
        raise OSError(1, "set")
    trial("gain", gain)
    return outcome()
""",
    ),
]
