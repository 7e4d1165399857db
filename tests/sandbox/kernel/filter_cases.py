"""A program of one case each: what a filter and a watch do to a real process. See confined.py."""

import contextlib
import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from apps.sandbox.sidecar.kernel import calls
from apps.sandbox.sidecar.kernel.numbers import X32_BIT
from apps.sandbox.sidecar.kernel.secret_exec import SecretExec
from apps.sandbox.sidecar.kernel.syscall import call
from tests.sandbox.kernel.confined import Answer, child, filter_for, main, outcome, tried, watching


def filtered() -> Answer:
    """Python's filter, with things that it answers by an errno."""

    def attempts() -> Answer:
        parent = os.getppid()
        filter_for("python", watched=True).load()
        page = mmap.PAGESIZE
        mapped = calls.call("mmap", 0, page, 3, 0x22, -1, 0)
        started = threading.Thread(target=lambda: None)
        started.start()
        started.join()
        left, right = socket.socketpair()
        left.send(b"x")
        return {
            "socketpair": right.recv(1).decode(),
            "socket": outcome(socket.socket),
            "open for writing": outcome(lambda: os.open("/dev/null", os.O_WRONLY)),
            "open for reading": outcome(lambda: os.close(os.open("/dev/null", os.O_RDONLY))),
            "mkdir": outcome(lambda: os.mkdir("/tmp/never")),
            "fork": outcome(os.fork),
            "subprocess": outcome(lambda: subprocess.run(["/bin/true"], check=False)),
            "execve": outcome(lambda: os.execve("/bin/true", ["true"], {})),
            "kill the parent": outcome(lambda: os.kill(parent, 0)),
            "signal itself": outcome(lambda: signal.raise_signal(signal.SIGURG)),
            "memory to write": "done" if mapped > 0 else "",
            "memory to write and execute": tried("mmap", 0, page, 7, 0x22, -1, 0),
            "make memory executable": tried("mprotect", mapped, page, 5),
            "raise a limit": tried("prlimit64", 0, 7, mapped, 0),
            "read a limit": tried("prlimit64", 0, 7, 0, mapped),
            "push a key into a terminal": tried("ioctl", 0, 0x5412, mapped),
            "be traced": tried("prctl", 4, 1),
            "clone3": tried("clone3", mapped, 88),
            "openat2": tried("openat2", -100, mapped, mapped, 24),
            "io_uring_setup": tried("io_uring_setup", 1, mapped),
            "memfd_create": tried("memfd_create", mapped, 0),
            "flags in the upper half": tried("openat", -100, mapped, 1 << 32),
        }

    return child(attempts, listener=watching())


def working() -> Answer:
    """The standard library, as code nodes use it, under Python's filter."""

    def work() -> list[str]:
        filter_for("python", watched=True).load()
        import asyncio
        import sqlite3
        import zoneinfo
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as pool:
            threads = sum(pool.map(len, ["a", "bc", "def"]))
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            (rows,) = database.execute("select 1 + 2").fetchone()

        async def both() -> list[int]:
            return list(await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.to_thread(len, "ab")))

        available = len(zoneinfo.available_timezones()) >= 0
        return [str(threads), str(rows), str(asyncio.run(both())), str(available), os.uname().sysname]

    return child(work, listener=watching())


def held_ptrace() -> Answer:
    """An attack from the child's first thread."""

    def attack() -> str:
        filter_for("python", watched=True).load()
        return str(tried("ptrace", 16, 1, 2, 3))

    return child(attack, listener=watching())


def held_unshare_in_a_thread() -> Answer:
    """An attack from another thread, whose id is not that of the child."""

    def attack() -> None:
        filter_for("javascript", watched=True, pointer=1 << 40).load()
        thread = threading.Thread(target=tried, args=("unshare", calls.CLONE_NEWUSER))
        thread.start()
        thread.join()

    return child(attack, listener=watching())


def marked() -> Answer:
    """The zygote's own mark, used by a child."""

    def attack() -> None:
        filter_for("python", watched=True).load()
        calls.unshare(calls.CLONE_NEWUSER)

    return child(attack, listener=watching())


def unwatched() -> Answer:
    """An attack without a watch."""
    calls.set_no_new_privs()

    def attack() -> None:
        filter_for("python", watched=False).load()
        tried("ptrace", 0)

    return child(attack)


def nobody_listens() -> Answer:
    """An attack when the listener's owner has died."""
    os.close(watching())

    def attack() -> str:
        filter_for("python", watched=True).load()
        return str(tried("ptrace", 0))

    return child(attack)


def refused() -> Answer:
    """A held call that is given an errno instead of a kill."""
    listener = watching()
    asked = threading.Thread(target=_refuse_one, args=(listener,))
    asked.start()
    answer = tried("ptrace", 16, 1)
    asked.join()
    return {"answer": answer, "empty": calls.receive_notification(listener) is None}


def _refuse_one(listener: int) -> None:
    while (notification := calls.receive_notification(listener)) is None:
        pass
    calls.refuse(listener, notification)
    calls.refuse(listener, notification)  # it is answered by now, and that is no error


def x32() -> Answer:
    """The other ABI of x86_64: the same kernel by other numbers."""
    calls.set_no_new_privs()

    def attack() -> None:
        filter_for("python", watched=False).load()
        ctypes.CDLL(None).syscall(X32_BIT | 39)

    return child(attack)


def int80() -> Answer:
    """The 32-bit entry of x86_64, from code laid out before the filter is there."""
    calls.set_no_new_privs()
    page = call("mmap", 0, mmap.PAGESIZE, 7, 0x22, -1, 0)
    machine_code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret
    ctypes.memmove(page, machine_code, len(machine_code))
    get_pid = ctypes.CFUNCTYPE(ctypes.c_int)(page)

    def attack() -> None:
        filter_for("python", watched=False).load()
        get_pid()

    return child(attack)


def secret_exec() -> Answer:
    """A program started through the filter, which then tries to start another."""
    calls.set_no_new_privs()
    reading, writing = os.pipe()

    def start() -> None:
        os.dup2(writing, 1)
        shell = SecretExec(
            "/bin/sh", arguments=["sh", "-c", "echo $NAME; exec /bin/echo again"], environment={"NAME": "started"}
        )
        filter_for("javascript", watched=False, pointer=shell.pointer).load()
        shell.run()

    answer = child(start)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return answer | {"printed": pipe.read()}


def places() -> Answer:
    """Where the path of a program comes to lie."""
    commands = [SecretExec("/bin/true", arguments=["true"], environment={}) for _ in range(20)]
    return {"pointers": [command.pointer for command in commands]}


if __name__ == "__main__":
    main(
        [
            *(filtered, working, held_ptrace, held_unshare_in_a_thread, marked, unwatched, nobody_listens, refused),
            *(x32, int80, secret_exec, places),
        ]
    )
