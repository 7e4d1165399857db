"""The code that the start-up probe runs inside: each part tries what must fail, and returns what did not."""

from __future__ import annotations

from typing import Final

#: Ordinary ways out of a Python child. `allowed` names what the profile has on purpose.
PYTHON_WAYS: Final = """
import mmap, os, resource, socket

def read_passwd():
    return open("/etc/passwd").read()

def list_root():
    return os.listdir("/")

def list_processes():
    return os.listdir("/proc")

def write_file():
    for folder in ("/", "/tmp", "/dev", "/dev/shm", "/var/tmp", os.path.dirname(os.__file__)):
        try:
            return os.open(folder + "/skep-probe", os.O_CREAT | os.O_WRONLY)
        except OSError:
            pass
    raise OSError

def change_library():
    return os.open(os.__file__, os.O_RDWR)

def make_folder():
    return os.mkdir("/tmp/skep-probe")

def fork():
    if os.fork() == 0:
        os._exit(0)

def inet_socket():
    return socket.socket(socket.AF_INET)

def inet6_socket():
    return socket.socket(socket.AF_INET6)

def datagram_socket():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

def unix_socket():
    return socket.socket(socket.AF_UNIX)

def netlink_socket():
    return socket.socket(16, socket.SOCK_RAW)

def signal_parent():
    return os.kill(os.getppid() or 1 << 21, 0)

def signal_everybody():
    return os.kill(-1, 0)

def become_root():
    return os.setuid(0)

def more_files():
    return resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))

def writable_code():
    return mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

WAYS = (
    read_passwd, list_root, list_processes, write_file, change_library, make_folder, fork, inet_socket, inet6_socket,
    datagram_socket, unix_socket, netlink_socket, signal_parent, signal_everybody, become_root, more_files,
    writable_code,
)

def main(allowed):
    through = []
    for way in WAYS:
        try:
            way()
        except Exception:
            continue
        through.append(way.__name__)
    return {"tried": len(WAYS), "through": [name for name in through if name not in allowed]}
"""

#: System calls by number, with arguments that the kernel itself would answer otherwise than with EPERM.
PYTHON_CALLS: Final = """
import ctypes, errno

def main(calls):
    libc = ctypes.CDLL(None, use_errno=True)
    through = []
    for name, number in calls.items():
        ctypes.set_errno(0)
        wrong = ctypes.c_long(-1)
        result = libc.syscall(ctypes.c_long(number), wrong, wrong, wrong, wrong, wrong, wrong)
        if result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            through.append(name)
    return {"tried": len(calls), "through": through}
"""

JAVASCRIPT_WAYS: Final = """
const fs = require("node:fs");
const net = require("node:net");
const { spawnSync } = require("node:child_process");

const connect = () => new Promise((resolve, reject) => {
  const socket = net.connect(9, "127.0.0.1");
  socket.on("connect", resolve);
  socket.on("error", (error) => (error.code === "ECONNREFUSED" ? resolve() : reject(error)));
});

const WAYS = {
  read_passwd: () => fs.readFileSync("/etc/passwd"),
  list_root: () => fs.readdirSync("/"),
  list_processes: () => fs.readdirSync("/proc"),
  write_file: () => fs.writeFileSync("/tmp/skep-probe", "x"),
  make_folder: () => fs.mkdirSync("/tmp/skep-probe"),
  spawn: () => { const done = spawnSync("/bin/true"); if (done.error) throw done.error; },
  spawn_node: () => { const done = spawnSync(process.execPath, ["-e", "0"]); if (done.error) throw done.error; },
  signal_parent: () => process.kill(process.ppid || 1 << 21, 0),
  signal_everybody: () => process.kill(-1, 0),
  become_root: () => process.setuid(0),
  load_addon: () => process.dlopen({ exports: {} }, "/tmp/skep-probe.node"),
  connect,
};

async function main() {
  const through = [];
  for (const [name, way] of Object.entries(WAYS)) {
    try {
      await way();
    } catch {
      continue;
    }
    through.push(name);
  }
  return { tried: Object.keys(WAYS).length, through };
}
"""
