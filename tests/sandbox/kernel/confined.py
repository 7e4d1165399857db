"""What a program needs that confines itself or a child of its own, tries things, and says what happened as JSON.

The tests start such programs as `python -I -S filter_cases.py CASE`: nothing but the standard library, and no other
thread, as a zygote is. `ran` is their side of it.
"""

import errno
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from apps.sandbox.sidecar.kernel import calls, policy  # noqa: E402
from apps.sandbox.sidecar.kernel.numbers import host_arch  # noqa: E402

Answer = dict[str, Any]
PATIENCE = 30
INTERPRETER: str = getattr(sys, "_base_executable", "") or sys.executable


def ran(program: str, case: str) -> Answer:
    """Start the program for one case and read what it says."""
    command = [INTERPRETER, "-I", "-S", str(Path(__file__).parent / program), case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env={}, check=False)
    sys.stderr.write(done.stderr)
    assert done.returncode == 0
    answer: Answer = json.loads(done.stdout)
    return answer


def main(cases: Iterable[Callable[[], Answer]]) -> None:
    """Run the case that the command line names."""
    (case,) = (case for case in cases if case.__name__ == sys.argv[1])
    print(json.dumps(case()))


def tried(name: str, *arguments: int) -> Any:
    """The errno's name, or `done`."""
    return outcome(lambda: calls.call(name, *arguments))


def outcome(action: Callable[[], Any]) -> str:
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def filter_for(kind: policy.Kind, *, watched: bool, pointer: int | None = None) -> calls.Prepared:
    return calls.Prepared(
        policy.child_filter(
            host_arch(), kind, watched=watched, pid_one=False, own_pid=os.getpid(), execve_pointer=pointer
        )
    )


def child(action: Callable[[], Any], *, listener: int | None = None) -> Answer:
    """What a forked child returned and how it ended; a call that the listener holds is named, and its caller killed."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            os.close(reading)
            os.write(writing, json.dumps(action()).encode())
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    os.close(writing)
    held = [] if listener is None else named(listener, pid, reading)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return {"said": json.loads(said) if said else None, "ended": ended, "held": held}


def named(listener: int, pid: int, reading: int) -> list[Answer]:
    """Wait for one held call or for the child's end, and answer as the zygote does."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(reading, select.POLLIN)
    if listener not in dict(poll.poll(1000 * PATIENCE)):
        return []
    notification = calls.receive_notification(listener)
    assert notification is not None
    group = os.getpgid(notification.pid)
    alive = calls.is_held(listener, notification)
    os.kill(notification.pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    after = calls.is_held(listener, notification)
    facts = {"name": notification.name, "summary": notification.summary, "args": notification.args}
    return [facts | {"of_child": group == pid, "leader": notification.pid == pid, "alive": alive, "after": after}]


def watching() -> int:
    calls.set_no_new_privs()
    return calls.load_filter(policy.watch_filter(host_arch()), listener=True)
