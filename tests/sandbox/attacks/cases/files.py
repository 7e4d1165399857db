# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks on files: points 1 to 8."""

from tests.sandbox.attacks.attack import NAMESPACED, Attack, blocked, held

READS = """
import linecache, sqlite3, importlib.machinery, io
def main(**facts):
    secret = facts["canary_file"]
    up = "/".join([".."] * 12)
    for path in ["/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.bashrc", secret, up + "/etc/passwd",
                 os.path.dirname(os.__file__) + "/" + up + secret, "/dev/../etc/passwd", "/proc/self/root/etc/passwd"]:
        trial("open " + path, lambda: open(path).read(40))
    trial("io", io.FileIO, secret)
    trial("os.open", os.open, secret, os.O_RDONLY)
    trial("openat", libc_open, secret.encode())
    trial("loader", importlib.machinery.SourceFileLoader("x", secret).get_data, secret)
    trial("fopen", stream, secret.encode())
    trial("sqlite", lambda: sqlite3.connect(f"file:{secret}?mode=ro", uri=True).execute("select * from a"))
    folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    trial("beside a descriptor", lambda: os.open(up + secret, os.O_RDONLY, dir_fd=folder))
    if linecache.getlines(secret):
        reached["linecache"] = True
    return outcome()
def libc_open(path):
    ctypes.set_errno(0)
    if libc.open(path, 0) == -1:
        raise OSError(ctypes.get_errno(), "open")
def stream(path):
    libc.fopen.restype = ctypes.c_void_p
    if not libc.fopen(path, b"r"):
        raise OSError(ctypes.get_errno(), "fopen")
"""

WRITES = """
import tempfile, shutil, sqlite3
def main(**facts):
    standard = os.path.dirname(os.__file__)
    for folder in ["/", "/tmp", "/var/tmp", "/dev/shm", "/dev", "/home", "/run", ".", standard, facts["canary_folder"]]:
        trial("write in " + folder, lambda: open(os.path.join(folder, "x"), "w").write("x"))
        trial("unnamed in " + folder, os.open, folder, os.O_TMPFILE | os.O_RDWR)
    trial("append", lambda: open(facts["canary_file"], "a").write("x"))
    trial("tempfile", tempfile.mkstemp)
    trial("sqlite", lambda: sqlite3.connect("/tmp/x.db").execute("create table a (b)"))
    trial("copy", shutil.copy, os.__file__, "/tmp/os.py")
    trial("memory", os.memfd_create, "x")
    return outcome()
"""

STANDARD_LIBRARY = """
def main(**facts):
    path = os.__file__
    for name in ["O_RDWR", "O_WRONLY", "O_TRUNC", "O_APPEND"]:
        flag = getattr(os, name) | (os.O_WRONLY if name in ("O_TRUNC", "O_APPEND") else 0)
        trial(name, os.open, path, flag)
    trial("read and truncate", os.open, path, os.O_RDONLY | os.O_TRUNC)
    trial("truncate", os.truncate, path, 0)
    trial("ftruncate", os.ftruncate, os.open(path, os.O_RDONLY), 0)
    trial("utime", os.utime, path)
    trial("chmod", os.chmod, path, 0o777)
    trial("chown", os.chown, path, 0, 0)
    trial("setxattr", os.setxattr, path, "user.x", b"x")
    trial("fallocate", os.posix_fallocate, os.open(path, os.O_RDONLY), 0, 1)
    return outcome()
"""

NAMES = """
import stat
def main(**facts):
    path = os.__file__
    here = os.path.dirname(path)
    for folder in ["/", "/tmp", here, facts["canary_folder"]]:
        new = os.path.join(folder, "skep")
        trial("mkdir " + folder, os.mkdir, new)
        trial("symlink " + folder, os.symlink, "/etc/passwd", new)
        trial("link " + folder, os.link, path, new)
        trial("rename " + folder, os.rename, path, new)
        trial("mkfifo " + folder, os.mkfifo, new)
        trial("mknod " + folder, os.mknod, new, stat.S_IFCHR | 0o666, os.makedev(1, 1))
    trial("unlink", os.unlink, facts["canary_file"])
    trial("unlink own", os.unlink, path)
    trial("rmdir", os.rmdir, here)
    return outcome()
"""

PROC = """
def main(**facts):
    for path in ["/proc/self/environ", "/proc/self/maps", "/proc/self/mem", "/proc/self/cmdline", "/proc/self/status",
                 "/proc/thread-self/maps", "/proc/cpuinfo", "/proc/sys/kernel/core_pattern", "/proc/kallsyms",
                 "/sys/kernel/notes", "/sys/class/net/lo/address", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/userfaultfd",
                 "/proc/net/tcp", "/proc/mounts", "/dev/ptmx", "/dev/tty"]:
        trial(path, lambda: open(path, "rb").read(16))
    for path in ["/proc", "/proc/self/fd", "/proc/self/task", "/sys", "/dev/pts"]:
        trial("list " + path, os.listdir, path)
    return outcome()
"""

OTHERS = """
def main(**facts):
    for number in [1, 2, 3, os.getppid(), facts["host_pid"], facts["sidecar_pid"], *facts["zygote_pids"]]:
        for name in ["environ", "mem", "maps", "fd/0", "cmdline", "ns/pid", "root/etc/passwd"]:
            trial(f"{number} {name}", lambda: open(f"/proc/{number}/{name}", "rb").read(16))
    return outcome()
"""

HANDLES = """
import struct
def main(**facts):
    class Handle(ctypes.Structure):
        _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
    how = struct.pack("QQQ", 0, 0, 0)
    trial("openat2", lambda: system_call(437, -100, b"/etc/passwd", how, 24))
    handle = Handle(size=128)
    mount = ctypes.c_int()
    trial("name_to_handle_at", lambda: system_call(303, -100, b"/", ctypes.byref(handle), ctypes.byref(mount), 0))
    trial("O_TMPFILE", os.open, "/", os.O_TMPFILE | os.O_RDWR)
    trial("statmount", lambda: system_call(457, how, how, 24, 0))
    return outcome()
"""

JS_READS = """
async function main(facts) {
  const fs = require("fs");
  const up = "../".repeat(12);
  for (const path of ["/etc/passwd", "/etc/shadow", "/root/.bashrc", facts.canary_file, up + "etc/passwd",
      "/proc/self/environ", "/proc/self/maps", "/proc/1/environ", "/proc/self/root/etc/passwd", "/sys/kernel/notes",
      `/proc/${facts.sidecar_pid}/environ`, `/proc/${facts.host_pid}/environ`, "/dev/mem"]) {
    trial("read " + path, () => fs.readFileSync(path));
    await trial("promise " + path, () => fs.promises.readFile(path));
  }
  for (const path of ["/etc", "/home", "/proc", "/sys", facts.canary_folder]) trial("list " + path, () => fs.readdirSync(path));
  trial("open", () => fs.openSync(facts.canary_file));
  trial("require", () => require(facts.canary_file));
  trial("require json", () => require("/etc/passwd"));
  trial("createRequire", () => require("module").createRequire("/etc/x.js")("./passwd"));
  await attempt("import", import(facts.canary_file));
  await attempt("stream", new Promise((done, failed) =>
    fs.createReadStream(facts.canary_file).on("data", done).on("error", failed)));
  trial("opendir", () => fs.opendirSync(facts.canary_folder));
  trial("loadEnvFile", () => process.loadEnvFile(facts.canary_file));
  return outcome();
}
"""

JS_WRITES = """
async function main(facts) {
  const fs = require("fs");
  const own = process.execPath;
  for (const folder of ["/", "/tmp", "/dev/shm", ".", facts.canary_folder]) {
    const path = folder + "/skep";
    trial("write " + folder, () => fs.writeFileSync(path, "x"));
    trial("mkdir " + folder, () => fs.mkdirSync(path));
    trial("symlink " + folder, () => fs.symlinkSync("/etc/passwd", path));
    trial("link " + folder, () => fs.linkSync(own, path));
    trial("rename " + folder, () => fs.renameSync(own, path));
  }
  for (const [name, action] of [["append", () => fs.appendFileSync(facts.canary_file, "x")],
      ["truncate", () => fs.truncateSync(own)], ["chmod", () => fs.chmodSync(own, 0o777)],
      ["chown", () => fs.chownSync(own, 0, 0)], ["unlink", () => fs.unlinkSync(facts.canary_file)],
      ["rm", () => fs.rmSync("/", { recursive: true })], ["r+", () => fs.openSync(own, "r+")],
      ["utimes", () => fs.utimesSync(own, 1, 1)], ["mkdtemp", () => fs.mkdtempSync("/tmp/x")],
      ["copy", () => fs.copyFileSync(own, "/tmp/x")], ["cp", () => fs.cpSync(own, "/tmp/x")],
      ["snapshot", () => require("v8").writeHeapSnapshot("/tmp/x")],
      ["report", () => { if (!process.report.writeReport("/tmp/x")) throw new Error("writes nothing"); return "?"; }]])
    trial(name, action);
  return outcome();
}
"""

ATTACKS = [
    Attack(
        name="python reads the host's files", point=1, code=READS, expect=held("openat", "fopen", "sqlite", least=15)
    ),
    Attack(
        name="python asks whether a file of the host exists",
        point=1,
        modes=NAMESPACED,
        code="""
def main(**facts):
    for path in [facts["canary_file"], facts["canary_folder"], "/etc/passwd", "/var/log", "/home", "/proc/self", "/sys/kernel"]:
        trial("stat " + path, os.stat, path)
        trial("name " + path, os.open, path, os.O_PATH)
        if os.access(path, os.F_OK):
            reached["access " + path] = True
    return outcome()
""",
        expect=held(least=14),
    ),
    Attack(
        name="python lists folders of the host",
        point=2,
        code="""
def main(**facts):
    import glob, itertools
    for folder in ["/", "/etc", "/home", "/tmp", "/proc", "/root", "/sys", "/var", facts["canary_folder"], "."]:
        trial("list " + folder, os.listdir, folder)
        trial("scan " + folder, lambda: next(os.scandir(folder)))
    if found := [*itertools.islice(os.walk("/"), 3), *glob.glob("/*")]:
        reached["walk"] = found[:3]
    return outcome()
""",
        expect=held(least=18),
    ),
    Attack(name="python writes anywhere", point=3, code=WRITES, expect=held("append", "tempfile", "sqlite", least=20)),
    Attack(
        name="python rewrites its standard library",
        point=4,
        code=STANDARD_LIBRARY,
        expect=held("O_RDWR", "truncate", least=12),
    ),
    Attack(name="python makes, links and renames names", point=5, code=NAMES, expect=held("unlink", "rmdir", least=25)),
    Attack(name="python reads /proc, /sys and devices", point=6, code=PROC, expect=held("/proc/self/mem", least=20)),
    Attack(name="python reads other processes", point=7, code=OTHERS, expect=held("1 environ", least=20)),
    Attack(
        name="python opens by other doors",
        point=8,
        code=HANDLES,
        needs_x86_64=True,
        expect=held(errors={"openat2": "ENOSYS"}, least=4),
    ),
    Attack(
        name="python opens a file by its handle",
        point=8,
        needs_x86_64=True,
        code="def main(**_):\n    handle = bytes(128)\n    return {'fd': system_call(304, 3, handle, 0)}",
        expect=blocked("open_by_handle_at"),
    ),
    Attack(
        name="javascript reads the host's files",
        point=1,
        language="javascript",
        code=JS_READS,
        expect=held("open", "require", "stream", least=20),
    ),
    Attack(
        name="javascript asks whether a file of the host exists",
        point=1,
        language="javascript",
        modes=NAMESPACED,
        code="""
function main(facts) {
  const fs = require("fs");
  for (const path of [facts.canary_file, "/etc/passwd", "/var/log", "/home", "/proc/self"]) {
    trial("stat " + path, () => fs.statSync(path));
    if (fs.existsSync(path)) reached["exists " + path] = true;
  }
  trial("chdir", () => process.chdir(facts.canary_folder));
  return outcome();
}
""",
        expect=held("chdir", least=6),
    ),
    Attack(
        name="javascript writes, links and renames",
        point=3,
        language="javascript",
        code=JS_WRITES,
        expect=held("append", "unlink", "snapshot", least=30),
    ),
]
