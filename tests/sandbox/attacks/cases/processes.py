# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks with processes, threads and signals: points 9 to 18."""

from tests.sandbox.attacks.attack import Attack, answers, blocked, either, ends, held

PROGRAMS = """
import subprocess, sys, multiprocessing, pty
def main(**facts):
    for program in [sys.executable, "/bin/sh", "/usr/bin/env", "/bin/true"]:
        trial("run " + program, lambda: subprocess.run([program], capture_output=True, timeout=1))
        trial("spawn " + program, os.posix_spawn, program, [program], {})
    trial("shell", lambda: subprocess.check_output("id", shell=True))
    trial("spawnlp", spawned)
    trial("multiprocessing", lambda: multiprocessing.get_context("spawn").Process(target=print).start())
    trial("forked", lambda: multiprocessing.get_context("fork").Process(target=print).start())
    trial("pool", lambda: multiprocessing.Pool(1))
    trial("pty", lambda: pty.fork())
    return outcome()
def spawned():
    if os.spawnlp(os.P_WAIT, "id", "id") in (127, -1):
        raise OSError(2, "no such program")
"""

FORKS = """
def main(**facts):
    trial("fork", os.fork)
    trial("forkpty", os.forkpty)
    trial("libc fork", lambda: checked(libc.fork()))
    trial("vfork", lambda: system_call(58))
    for name, flags in {"plain": 17, "vm": 0x100 | 17, "vfork": 0x4000 | 0x100 | 17, "parent": 0x8000 | 17, "files": 0x400,
                        "thread without sighand": 0x10000 | 0x100, "untraced": 0x00800000 | 17}.items():
        trial("clone " + name, lambda: system_call(56, flags, 0, 0, 0, 0))
    trial("clone3", lambda: system_call(435, bytes(88), 88))
    return outcome()
def checked(value):
    if value == 0:
        os._exit(3)
    if value == -1:
        raise OSError(ctypes.get_errno(), "fork")
    return value
"""

EXECUTIONS = """
import sys
def main(**facts):
    for path in [sys.executable, "/bin/sh", "/usr/bin/env", "/proc/self/exe", os.__file__]:
        trial("execve " + path, os.execve, path, [path], {})
        trial("raw execve " + path, lambda: system_call(59, path.encode(), None, None))
    trial("execvp", os.execvp, "python3", ["python3"])
    trial("memory file", lambda: os.execve(os.memfd_create("x"), ["x"], {}))
    trial("loader", lambda: system_call(59, b"/lib64/ld-linux-x86-64.so.2", None, None))
    return outcome()
"""

SIGNALS = """
import signal
def main(**facts):
    # In a namespace of its own the run is process 1, and may signal itself.
    others = {os.getppid(), 1, -1, 0, 2, facts["host_pid"], facts["sidecar_pid"], *facts["zygote_pids"]} - {os.getpid()}
    for number in others:
        for sent in [0, signal.SIGKILL, signal.SIGSTOP]:
            if number not in (0,):
                trial(f"kill {number} {sent}", os.kill, number, sent)
        trial(f"tgkill {number}", lambda: system_call(234, number, number, 9))
        trial(f"tkill {number}", lambda: system_call(200, number, 9))
        trial(f"queue {number}", lambda: system_call(129, number, 9, bytes(128)))
        trial(f"pidfd {number}", lambda: os.pidfd_open(number))
    trial("killpg", os.killpg, 0, 9)
    trial("pidfd_send_signal", lambda: system_call(424, 3, 9, 0, 0))
    trial("timer", lambda: system_call(222, 0, 0, 0))
    return outcome()
"""

JS_PROGRAMS = """
async function main(facts) {
  const children = require("child_process");
  for (const program of [process.execPath, "/bin/sh", "/usr/bin/env"]) {
    trial("execFile " + program, () => children.execFileSync(program, ["-e", "1"]));
    trial("spawnSync " + program, () => { const done = children.spawnSync(program); if (done.error) throw done.error; return done.pid; });
    await attempt("spawn " + program, new Promise((done, failed) => {
      const child = children.spawn(program); child.on("spawn", () => done(child.pid)); child.on("error", failed); }));
  }
  trial("exec", () => children.execSync("id"));
  await attempt("fork", new Promise((done, failed) => {
    const child = children.fork("/x.js"); child.on("spawn", () => done(child.pid)); child.on("error", failed); }));
  trial("cluster", () => { const worker = require("cluster").fork(); if (!worker.process.pid) throw new Error("none"); return worker.process.pid; });
  trial("process_wrap", () => { const { Process } = process.binding("process_wrap");
    const status = new Process().spawn({ file: "/bin/sh", args: ["sh"], stdio: [] });
    if (status < 0) throw new Error("error " + status); return status; });
  return outcome();
}
"""

JS_SIGNALS = """
function main(facts) {
  for (const number of [process.ppid, 1, -1, 2, facts.host_pid, facts.sidecar_pid, ...facts.zygote_pids])
    for (const sent of [0, "SIGKILL", "SIGSTOP"]) {
      if (number === process.pid || number === 0) continue;
      trial(`kill ${number} ${sent}`, () => process.kill(number, sent));
    }
  trial("debug", () => process._debugProcess(1));
  trial("priority", () => require("os").setPriority(facts.host_pid, 19));
  trial("setuid", () => process.setuid(0));
  trial("setgid", () => process.setgid(0));
  trial("seteuid", () => process.seteuid(0));
  trial("setgroups", () => process.setgroups([0]));
  trial("initgroups", () => process.initgroups(0, 0));
  return outcome();
}
"""

ATTACKS = [
    Attack(
        name="python calls the shell",
        point=9,
        code="""
def main(**facts):
    trial("system", lambda: succeeded(os.system("id")))
    trial("libc system", lambda: succeeded(libc.system(b"id")))
    trial("popen", lambda: os.popen("id").read())
    libc.popen.restype = ctypes.c_void_p
    trial("libc popen", lambda: succeeded(0 if libc.popen(b"id", b"r") else -1))
    return outcome()
def succeeded(status):
    if status != 0:
        raise OSError(1, "failed")
""",
        expect=held("system", "libc system", "popen", "libc popen"),
    ),
    Attack(
        name="python starts programs",
        point=10,
        code=PROGRAMS,
        expect=held("shell", "multiprocessing", "pool", least=12),
    ),
    Attack(
        name="python forks",
        point=11,
        code=FORKS,
        needs_x86_64=True,
        expect=held("fork", "vfork", "clone plain", least=11, errors={"clone3": "ENOSYS", "vfork": "EPERM"}),
    ),
    Attack(
        name="python drops a fork bomb",
        point=12,
        code="""
def main(**facts):
    refusals = 0
    for _ in range(3000):
        try:
            os.fork()
        except OSError:
            refusals += 1
    return {"refusals": refusals}
""",
        expect=answers(refusals=3000),
    ),
    Attack(
        name="python drops a thread bomb",
        point=13,
        code="""
import threading, time
def main(**facts):
    started, refusals = 0, 0
    for _ in range(600):
        try:
            threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
            started += 1
        except RuntimeError:
            refusals += 1
    return {"bounded": started < 64, "started": started, "refusals": refusals}
""",
        expect=answers(bounded=True),
    ),
    Attack(
        name="python executes programs in its place",
        point=14,
        code=EXECUTIONS,
        needs_x86_64=True,
        expect=held("execvp", "memory file", "loader", least=12),
    ),
    Attack(
        name="python executes by descriptor",
        point=14,
        needs_x86_64=True,
        code="def main(**_):\n    return {'x': system_call(322, 3, b'', None, None, 0x1000)}",
        expect=blocked("execveat"),
    ),
    Attack(
        name="python signals everybody",
        point=15,
        code=SIGNALS,
        needs_x86_64=True,
        expect=held("kill -1 9", "pidfd_send_signal", least=30),
    ),
    Attack(
        name="python becomes a daemon that holds the pipe",
        point=17,
        limits={"wall_s": 3.0},
        code="""
import threading, time
def main(**facts):
    trial("setsid", os.setsid)
    trial("setpgid", os.setpgid, 0, 0)
    trial("daemon", lambda: daemon())
    for _ in range(5):
        os.dup(3)
    threading.Thread(target=hold).start()
    return outcome()
def daemon():
    if libc.daemon(0, 0) != 0:
        raise OSError(ctypes.get_errno(), "daemon")
def hold():
    while True:
        time.sleep(0.05)
""",
        expect=held("daemon"),
    ),
    Attack(
        name="python ignores every signal",
        point=18,
        limits={"wall_s": 0.2},
        code="""
import signal
def main(**facts):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    except BaseException:
        pass
    while True:
        pass
""",
        expect=ends("timeout", "WallTimeLimit"),
    ),
    Attack(
        name="javascript starts programs",
        point=10,
        language="javascript",
        code=JS_PROGRAMS,
        expect=held("exec", "process_wrap", least=9),
    ),
    Attack(
        name="javascript drops a fork bomb",
        point=12,
        language="javascript",
        code="""
function main() {
  let started = 0;
  for (let round = 0; round < 100; round += 1) {
    try { if (require("child_process").spawnSync(process.execPath, ["-e", "1"]).pid > 0) started += 1; } catch (_) {}
  }
  return { started };
}
""",
        expect=answers(started=0),
    ),
    Attack(
        name="javascript drops a worker bomb",
        point=13,
        language="javascript",
        limits={"wall_s": 3.0},
        code="""
async function main() {
  const { Worker } = require("worker_threads");
  let running = 0;
  for (let round = 0; round < 60; round += 1) {
    try {
      const worker = new Worker("setInterval(() => {}, 1000)", { eval: true });
      worker.on("online", () => { running += 1; });
      worker.on("error", () => {});
    } catch (_) {}
  }
  await new Promise((done) => setTimeout(done, 400));
  return { bounded: running < 40 };
}
""",
        # Where a thread cannot be had V8 ends the process: that too is a bound.
        expect=either(
            answers(bounded=True), ends("memory"), ends("killed", "Crashed"), ends("timeout"), ends("error", "NoResult")
        ),
    ),
    Attack(
        name="javascript signals everybody and changes its user",
        point=15,
        language="javascript",
        code=JS_SIGNALS,
        expect=held("setuid", "kill -1 SIGKILL", least=15),
    ),
    Attack(
        name="javascript keeps running after its result",
        point=17,
        language="javascript",
        limits={"wall_s": 3.0},
        code="""
function main() {
  setInterval(() => {}, 1);
  process.on("exit", () => { while (true); });
  new (require("worker_threads").Worker)("while (true);", { eval: true });
  return { done: true };
}
""",
        expect=answers(done=True),
    ),
    Attack(
        name="javascript ignores every signal",
        point=18,
        language="javascript",
        limits={"wall_s": 0.3},
        code="""
function main() {
  for (const name of Object.keys(require("os").constants.signals)) { try { process.on(name, () => {}); } catch (_) {} }
  while (true);
}
""",
        expect=ends("timeout", "WallTimeLimit"),
    ),
]
