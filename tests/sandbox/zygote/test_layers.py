"""What the layers do, seen from inside and from the machine, in every way a zygote can be started."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.sandbox.sidecar.zygote import launch, layers
from apps.sandbox.sidecar.zygote.control import Defaults
from tests.sandbox.zygote.conftest import START
from tests.sandbox.zygote.driver import Zygote, ZygoteRefused, zygote

TRIVIAL = "def main():\n    return {'fine': True}\n"

OF_MODE = {
    "root": set(layers.LAYERS),
    "userns": set(layers.LAYERS) - {"own_uid"},
    "landlock": set(layers.EVERYWHERE),
}


def code(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def fine(running: Zygote) -> bool:
    return bool(running.run(TRIVIAL).outputs["fine"])


def test_every_layer_that_the_mode_can_have_is_up(any_zygote: Zygote, request: pytest.FixtureRequest):
    way = request.node.callspec.params["any_zygote"]
    up = {name for name, is_up in any_zygote.staged.layers.items() if is_up}
    assert up - {"own_uid"} == OF_MODE[way.removesuffix("-as-root")] - {"own_uid"}
    if way == "root":
        assert "own_uid" in up


@pytest.mark.parametrize("way", ["root", "userns"])
def test_inside_there_is_no_machine(start_in: Callable[[str], START], way: str):
    with start_in(way)() as running:
        seen = running.run(
            code("""
                import os, socket, sys
                def entries(path):
                    try:
                        return os.listdir(path)
                    except OSError as error:
                        return type(error).__name__
                def main():
                    stdlib = os.path.dirname(os.__file__)
                    return {
                        "pid": os.getpid(), "parent": os.getppid(), "host": os.uname().nodename, "cwd": os.getcwd(),
                        "environment": dict(os.environ),
                        "/": entries("/"), "/proc": entries("/proc"), "/etc": entries("/etc"),
                        "/tmp": entries("/tmp"), "/sys": entries("/sys"),
                        "installed": [entries(f"{stdlib}/{name}") for name in ("site-packages", "dist-packages")],
                    }
            """)
        ).outputs
    assert (seen["pid"], seen["parent"], seen["host"], seen["cwd"]) == (1, 0, "sandbox", "/")
    assert seen["environment"] == {}
    gone = {"FileNotFoundError", "PermissionError"}
    assert {seen[name] for name in ("/proc", "/tmp", "/sys")} <= gone
    assert seen["/"] == seen["/etc"] == "PermissionError"
    assert all(not found or found in gone for found in seen["installed"])


def test_only_four_descriptors_are_open(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import os
            def main():
                def is_open(fd):
                    try:
                        return bool(os.fstat(fd))
                    except OSError:
                        return False
                return {"open": [fd for fd in range(256) if is_open(fd)]}
        """)
    )
    assert outcome.outputs == {"open": [0, 1, 2, 3]}


REFUSED = {
    "fork": "os.fork()",
    "exec": "os.execv('/usr/bin/true', ['true'])",
    "shell": "subprocess.run(['true'])",
    "write": "open('/tmp/x', 'w')",
    "write to the library": "open(os.__file__, 'r+')",
    "read a secret": "open('/etc/passwd')",
    "connect": "socket.create_connection(('127.0.0.1', 80))",
    "signal all": "os.kill(-1, 9)",
    "signal the parent": "os.kill(os.getppid() or 2, 9)",
    "another user": "os.setuid(0)",
    "more memory": "resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))",
    "a session": "os.setsid()",
    "a directory": "os.mkdir('/x')",
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_and_the_next_run_works(any_zygote: Zygote, what: str):
    error = any_zygote.run(
        f"import os, resource, socket, subprocess\ndef main():\n    {REFUSED[what]}\n    return {{}}\n"
    ).error
    assert error["type"] in {"PermissionError", "FileNotFoundError", "OSError", "ValueError"}
    assert fine(any_zygote)


@pytest.mark.parametrize("name", ["ptrace", "mount", "unshare", "setns", "bpf", "keyctl"])
def test_a_call_that_only_attacks_make_ends_the_run_and_is_named(any_zygote: Zygote, name: str):
    numbers = {"ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "keyctl": 250}
    text = (
        f"import ctypes\ndef main():\n    return {{'got': ctypes.CDLL(None).syscall({numbers[name]}, 0, 0, 0, 0, 0)}}\n"
    )
    outcome = any_zygote.run(text)
    assert outcome.result is None
    assert outcome.reaped is not None
    assert (outcome.reaped.signal, outcome.reaped.system_call) == (9, name)
    assert fine(any_zygote)


def test_an_attack_from_a_thread_is_laid_at_the_right_childs_door(any_zygote: Zygote):
    attack = code("""
        import ctypes, threading
        def main():
            thread = threading.Thread(target=ctypes.CDLL(None).ptrace, args=(0, 0, 0, 0))
            thread.start()
            thread.join()
            return {}
    """)
    bystander, attacker = any_zygote.spawn(), any_zygote.spawn()
    for child in (bystander, attacker):
        child.wait_ready()
    attacker.send({"mode": "function", "code": attack, "inputs": {}})
    ended = any_zygote.finish(attacker)
    assert ended.reaped is not None
    assert ended.reaped.system_call == "ptrace"
    bystander.send({"mode": "function", "code": TRIVIAL, "inputs": {}})
    spared = any_zygote.finish(bystander)
    assert spared.outputs == {"fine": True}
    assert spared.reaped is not None
    assert spared.reaped.system_call is None


@pytest.mark.parametrize("way", ["root", "userns"])
def test_each_child_has_its_own_count_of_threads(start_in: Callable[[str], START], way: str):
    hold = code("""
        import threading, time
        def main(least):
            made = 0
            try:
                while made < 100:
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    made += 1
            except RuntimeError:
                pass
            print(made, flush=True)
            time.sleep(60)
    """)
    with start_in(way)(defaults=Defaults(processes=12)) as running:
        children = [running.spawn() for _ in range(3)]
        for child in children:
            child.wait_ready()
            child.send({"mode": "function", "code": hold, "inputs": {"least": 1}})
        made = []
        for child in children:
            while not child.outcome.stdout:
                assert child.read_once(deadline=time.monotonic() + 20)
            made.append(int(child.outcome.stdout))
        assert made == [11, 11, 11]
        for child in children:
            running.kill(child)
            ended = running.finish(child)
            assert ended.reaped is not None
            assert ended.reaped.signal == 9


def test_cpu_time_ends_a_run_that_ignores_every_signal(any_zygote: Zygote):
    outcome = any_zygote.run(
        code("""
            import signal
            def main():
                for number in range(1, 65):
                    try:
                        signal.signal(number, signal.SIG_IGN)
                    except (OSError, ValueError):
                        pass
                while True:
                    try:
                        while True:
                            pass
                    except BaseException:
                        pass
        """),
        cpu_s=1,
        wall_s=15,
    )
    assert outcome.reaped is not None
    assert outcome.reaped.signal == 24
    assert 750 <= outcome.reaped.cpu_ms <= 1500


def test_the_memory_limit_is_that_of_the_spawn(any_zygote: Zygote):
    text = "def main(mb):\n    return {'length': len(bytearray(mb << 20)) >> 20}\n"
    assert any_zygote.run(text, {"mb": 90}, memory_mb=128).outputs == {"length": 90}
    assert any_zygote.run(text, {"mb": 90}, memory_mb=64).error["type"] == "MemoryError"


def test_siblings_draw_different_random_numbers(any_zygote: Zygote):
    draw = code("""
        import os, random, ssl, uuid
        def main():
            ids = [uuid.uuid4().hex, uuid.uuid1().hex]
            return {"drawn": [random.random(), *ids, ssl.RAND_bytes(8).hex(), os.urandom(8).hex()]}
    """)
    first, second = (any_zygote.run(draw).outputs["drawn"] for _ in range(2))
    assert not set(first) & set(second)


@pytest.mark.parametrize("layer", layers.LAYERS)
def test_any_layer_can_be_left_out_and_is_then_reported_missing(
    start: START, layer: str, request: pytest.FixtureRequest
):
    way = request.node.callspec.params["start"]
    if (way.removesuffix("-as-root"), layer) in {("userns", "user_ns"), ("landlock", "no_new_privs")}:
        with pytest.raises(ZygoteRefused, match="mode is made of it"), start(without=(layer,)):
            pass
        return
    with start(without=(layer,)) as running:
        assert running.staged.layers[layer] is False
        assert fine(running)


def test_an_unknown_layer_or_mode_is_refused(start_in: Callable[[str], START]):
    with pytest.raises(ZygoteRefused, match="no such layer"), start_in("userns")(without=("walls",)):
        pass


def test_a_blocked_call_without_the_watch_ends_the_run_unnamed(start: START):
    with start(without=("system_call_watch",)) as running:
        outcome = running.run("import ctypes\ndef main():\n    return {'got': ctypes.CDLL(None).ptrace(0, 0, 0, 0)}\n")
        assert outcome.result is None
        assert outcome.reaped is not None
        assert (outcome.reaped.signal, outcome.reaped.system_call) == (31, None)
        assert fine(running)


def test_where_user_namespaces_run_out_children_do_without():
    """A machine may allow one namespace and not the next; the limit is set in a namespace around the zygote."""
    only_one = 'echo 1 > /proc/sys/user/max_user_namespaces && exec "$@"'
    around = ["/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", only_one, "sh"]
    if not Path(around[0]).exists():
        pytest.skip("needs unshare")
    threads = code("""
        from concurrent.futures import ThreadPoolExecutor
        def main():
            with ThreadPoolExecutor(8) as pool:
                return {"sum": sum(pool.map(lambda x: x, range(20)))}
    """)
    with zygote(mode="userns", command=[*around, *launch.command()]) as crowded:
        assert fine(crowded)
        assert crowded.run(threads).outputs == {"sum": 190}
